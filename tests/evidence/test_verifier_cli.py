"""`coldwarden-verify` as an auditor runs it."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from evidence.trust import write_trust
from evidence.verifier.cli import main
from evidence.verifier.progress import Progress
from tests.support.archives import ArchiveMaker, make_outbox, trust_of
from tests.support.batches import EPOCH, GATEWAY, chain_of, next_batch

PROGRAM = "import sys; from evidence.verifier.cli import main; sys.exit(main())"
LOADED = """
import sys
from evidence.verifier.cli import main
status = main(sys.argv[1:])
tops = {name.partition(".")[0] for name in sys.modules}
print(*sorted(tops - set(sys.stdlib_module_names)), file=sys.stderr)
sys.exit(status)
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with `archive` and `trust`."""
    maker = ArchiveMaker(tmp_path / "archive")
    maker.batches(chain_of(5, readings=16))
    maker.publish()
    maker.close()
    write_trust(tmp_path / "trust", trust_of())
    return tmp_path


def ran(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_an_honest_archive_exits_with_0_and_says_so(place: Path) -> None:
    done = ran(PROGRAM, place / "archive", "--trust", place / "trust")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[-1] == "PASS"
    assert sum(line.startswith("PASS  ") for line in lines) == 9
    assert "5 batches" in lines[-2]


def test_a_changed_byte_exits_with_1_and_names_the_place(place: Path) -> None:
    path = place / "archive/records/0000000000000000.seg"
    data = bytearray(path.read_bytes())
    data[300] ^= 1
    path.write_bytes(data)
    done = ran(PROGRAM, place / "archive", "--trust", place / "trust")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "FAIL"
    assert "records/0000000000000000.seg, byte" in done.stdout


def test_one_line_of_json_for_programs(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(place / "archive"), "--trust", str(place / "trust"), "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    report = json.loads(line)
    assert (report["kind"], report["passed"]) == ("archive", True)
    assert {check["name"] for check in report["checks"]} >= {"segments", "chains", "tiles"}
    assert report["counts"]["batches"] == 5


def test_json_names_the_gateway_and_the_sequence_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    maker = ArchiveMaker(tmp_path / "archive")
    chain = chain_of(2)
    maker.batches(chain)
    maker.batch(next_batch(chain[1], prev=bytes(32)), lo=2)
    maker.publish()
    maker.close()
    write_trust(tmp_path / "trust", trust_of())
    options = [str(tmp_path / "archive"), "--trust", str(tmp_path / "trust")]
    assert main([*options, "--json"]) == 1
    checks = {c["name"]: c for c in json.loads(capsys.readouterr().out)["checks"]}
    place = checks["chains"]["first"]["place"]
    assert (place["gateway"], place["epoch"], place["seq"]) == (GATEWAY, EPOCH.hex(), 2)
    assert main(options) == 1
    assert f"gateway {GATEWAY}, epoch {EPOCH.hex()}, seq 2" in capsys.readouterr().out


def test_an_outbox_is_recognised_by_either_name(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_outbox(place / "state", chain_of(3))
    for path in (place / "state", place / "state/outbox"):
        assert main([str(path), "--trust", str(place / "trust"), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["kind"] == "outbox"


@pytest.mark.parametrize(
    ("path", "trust", "said"),
    [
        ("nothing", "trust", "is no archive"),
        ("archive", "nothing", "trust.toml"),
        ("trust", "trust", "is no archive"),
    ],
)
def test_what_cannot_be_checked_exits_with_2_and_the_remedy(
    place: Path, path: str, trust: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(place / path), "--trust", str(place / trust)]) == 2
    assert said in capsys.readouterr().err


def test_a_missing_option_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["archive"])
    assert caught.value.code == 2
    assert "--trust" in capsys.readouterr().err


def test_the_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert all(word in text for word in ("exit status", "example:", "trust.toml", "NOTE"))


def test_it_needs_nothing_of_the_server_or_the_gateway(place: Path) -> None:
    done = ran(LOADED, place / "archive", "--trust", place / "trust")
    assert done.returncode == 0
    loaded = set(done.stderr.split())
    ours = {"cloud", "edge", "simulators", "dashboards", "device_registry"}
    assert not loaded & {*ours, "gateway_firmware_py"}
    theirs = {"_cffi_backend", "cffi", "nacl", "_virtualenv", "domain", "evidence"}
    assert {name for name in loaded if not name.startswith("_")} <= theirs


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_shown_to_a_person_only() -> None:
    terminal, pipe = Terminal(), io.StringIO()
    for out in (terminal, pipe):
        progress = Progress(out, 4 << 20)
        progress.add(1 << 20)
        progress.add(3 << 20)
        progress.end()
    assert pipe.getvalue() == ""
    assert " 25% of 4 MiB" in terminal.getvalue()
    assert "100% of 4 MiB" in terminal.getvalue()
    assert terminal.getvalue().endswith(" \r")
