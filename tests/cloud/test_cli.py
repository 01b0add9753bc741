"""`coldwarden-cloud` as an operator meets it: by process, exit code and remedy."""

import json
import signal
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from cloud.cli import main
from evidence.outcome import is_receipt, split_sequence
from evidence.segment_log import SegmentLog
from evidence.trust import load_trust
from tests.support.cloud_core import make_installation
from tests.support.ports import free_port
from tests.support.signing import SigningGateway, spoiled
from tests.support.wait import until_sync

PROGRAM = str(Path(sysconfig.get_path("scripts")) / "coldwarden-cloud")
VERIFY = str(Path(sysconfig.get_path("scripts")) / "coldwarden-verify")
TIMEOUT_S = 60


@pytest.fixture
def gateway() -> SigningGateway:
    gateway = SigningGateway()
    gateway.start_ms = int(time.time() * 1000) - 86_400_000
    return gateway


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [PROGRAM, *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )


@dataclass
class Server:
    """`coldwarden-cloud run` on an installation."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[str] | None = None

    @property
    def config(self) -> Path:
        return self.folder / "cloud.toml"

    def start(self) -> None:
        with (self.folder.parent / "server.log").open("a") as log:
            command = [PROGRAM, "run", "--config", str(self.config)]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, text=True)
        until_sync(self._answers, 30, "the server to answer")

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(TIMEOUT_S)

    def post(self, gateway: SigningGateway, *batches: bytes) -> list[bytes]:
        url = f"http://127.0.0.1:{self.port}/v1/gateways/{gateway.id}/batches"
        reply = httpx.post(url, content=b"".join(batches))
        assert reply.status_code == 200, reply.text
        return split_sequence(reply.content)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder.parent / "server.log").read_text()
        try:
            httpx.get(f"http://127.0.0.1:{self.port}/v1/gateways/x/batches")
        except httpx.TransportError:
            return False
        return True


@contextmanager
def serving(folder: Path, *gateways: SigningGateway) -> Iterator[Server]:
    server = Server(folder)
    make_installation(folder, *gateways, port=server.port)
    server.start()
    try:
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.stop()


def test_init_prints_what_a_gateway_must_pin(tmp_path: Path) -> None:
    done = run("init", tmp_path / "c", "--log-name", "example.org/log", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    trust = load_trust(Path(made["trust"]))
    assert {made["log_origin"]} == set(trust.logs)
    assert trust.control.to_text() == made["control_key"]
    assert [k.to_text() for k in trust.logs.values()] == [made["log_key"]]
    for key in (tmp_path / "c" / "keys").iterdir():
        assert key.stat().st_mode & 0o777 == 0o600


def test_init_never_overwrites(tmp_path: Path) -> None:
    run("init", tmp_path / "c")
    before = (tmp_path / "c" / "keys" / "log.key").read_bytes()
    done = run("init", tmp_path / "c")
    assert done.returncode == 2
    assert "not empty" in done.stderr
    assert (tmp_path / "c" / "keys" / "log.key").read_bytes() == before


@pytest.mark.parametrize(
    "command",
    ["init", "run", "rebuild", "doctor", "backup", "restore", "ingest-outbox", "export"],
)
def test_every_command_explains_itself(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert len(capsys.readouterr().out.splitlines()) > 5


def test_a_command_without_configuration_says_how_to_make_one(tmp_path: Path) -> None:
    done = run("run", "--config", tmp_path / "cloud.toml")
    assert done.returncode == 2
    assert "coldwarden-cloud init" in done.stderr


def test_a_key_file_that_others_can_read_is_refused(
    tmp_path: Path, gateway: SigningGateway
) -> None:
    config = make_installation(tmp_path / "c", gateway)
    config.log_key.chmod(0o644)
    done = run("run", "--config", config.file)
    assert done.returncode == 2
    assert f"chmod 600 {config.log_key}" in done.stderr


def test_every_mistake_of_an_import_is_shown_and_nothing_is_changed(
    tmp_path: Path, gateway: SigningGateway
) -> None:
    config = make_installation(tmp_path / "c", gateway)
    mistaken = tmp_path / "gateway.csv"
    mistaken.write_text("id,site,state,heartbeat_s\nX,nowhere,in_service,60\n")
    done = run("registry", "import", mistaken, "--apply", "--config", config.file)
    assert done.returncode == 1
    assert "gateway.csv:2: " in done.stderr
    assert "Nothing was changed" in done.stderr


def test_a_server_serves_stops_in_order_and_leaves_a_verified_archive(
    tmp_path: Path, gateway: SigningGateway
) -> None:
    with serving(tmp_path / "c", gateway) as server:
        (receipt,) = server.post(gateway, *gateway.batches(5))
        assert is_receipt(receipt)
        second = run("run", "--config", server.config)
        assert second.returncode == 2
        assert "in use by another process" in second.stderr
        assert server.stop() == 0
    done = subprocess.run(
        [VERIFY, tmp_path / "c" / "archive", "--trust", tmp_path / "c" / "trust"],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout


def test_a_server_killed_while_it_takes_batches_has_all_that_it_receipted(
    tmp_path: Path, gateway: SigningGateway
) -> None:
    with serving(tmp_path / "c", gateway) as server:
        for _ in range(3):
            server.post(gateway, *gateway.batches(20))
            server.stop(signal.SIGKILL)
            server.start()
        (receipt,) = server.post(gateway, *gateway.sent.values())
        assert is_receipt(receipt)
        server.stop()
    done = run("ingest-outbox", _card(tmp_path, gateway), "--config", server.config, "--json")
    assert json.loads(done.stdout) == {"receipted": 60}
    doctor = run("doctor", "--config", server.config, "--json")
    (archive,) = [d for d in json.loads(doctor.stdout) if d["name"] == "archive"]
    assert int(archive["detail"].rpartition(" ")[2]) >= 61, "and the registry's changes"


def test_a_backup_beside_a_running_server_is_entered_by_it(
    tmp_path: Path, gateway: SigningGateway
) -> None:
    with serving(tmp_path / "c", gateway) as server:
        server.post(gateway, *gateway.batches(5))
        until_sync(lambda: _published(server) >= 6, what="the checkpoint")
        done = run("backup", tmp_path / "b", "--config", server.config, "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["records"] >= 6
        until_sync(lambda: "h ago to" in _backup_detail(server), what="the record")
        server.stop(signal.SIGKILL)
    keys = tmp_path / "c" / "keys"
    done = run("restore", tmp_path / "b", tmp_path / "r", "--keys", keys)
    assert done.returncode == 0, done.stderr
    (segment,) = (tmp_path / "b" / "archive" / "records").glob("*.seg")
    data = bytearray(segment.read_bytes())
    data[500] ^= 1
    segment.write_bytes(data)
    done = run("restore", tmp_path / "b", tmp_path / "r2", "--keys", keys)
    assert done.returncode == 1
    assert "refused" in done.stderr
    assert segment.name in done.stderr


@pytest.mark.parametrize("is_running", [True, False])
def test_a_dead_gateways_card_is_taken_in_under_the_same_checks(
    tmp_path: Path,
    gateway: SigningGateway,
    is_running: bool,  # noqa: FBT001
) -> None:
    gateway.batches(8)
    stranger = SigningGateway(number=9)
    changed = spoiled(gateway.envelope(gateway.body()))
    nobody = SigningGateway("gw-nobody", 8)
    more = (stranger.batch(), nobody.batch(), changed, b"no batch at all")
    card = _card(tmp_path, gateway, *more)
    with serving(tmp_path / "c", gateway) as server:
        server.post(gateway, gateway.sent[gateway.epoch, 0])
        if not is_running:
            server.stop()
        done = run("ingest-outbox", card, "--config", server.config, "--json")
        assert done.returncode == 1, done.stderr
        assert json.loads(done.stdout) == {
            "receipted": 8,
            "refused profile": 1,
            "refused signature": 1,
            "refused unknown-gateway": 1,
            "refused unknown-key": 1,
        }


def test_a_folder_without_an_outbox_is_told_so(tmp_path: Path, gateway: SigningGateway) -> None:
    config = make_installation(tmp_path / "c", gateway)
    done = run("ingest-outbox", tmp_path, "--config", config.file)
    assert done.returncode == 2
    assert "holds no outbox" in done.stderr


def _card(folder: Path, gateway: SigningGateway, *more: bytes) -> Path:
    with SegmentLog.open(folder / "card" / "outbox", segment_bytes=1 << 20) as log:
        for batch in (*gateway.sent.values(), *more):
            log.append(batch)
        log.sync()
    return folder / "card"


def _published(server: Server) -> int:
    note = (server.folder / "archive" / "log" / "checkpoint").read_text()
    return int(note.splitlines()[1])


def _backup_detail(server: Server) -> str:
    done = run("doctor", "--config", server.config, "--json")
    (found,) = [d for d in json.loads(done.stdout) if d["name"] == "backup"]
    return str(found["detail"])
