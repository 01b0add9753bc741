"""The real gateway program as a process, with a folder and a configuration of its own."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evidence.batch import Body, decode_body
from evidence.cose import parse1, verify1
from evidence.keys import PublicKey
from evidence.segment import Found
from evidence.segment_file import list_segments, open_segment
from tests.support.fake_cloud import CONTROL_KEY, LOG_KEY, ORIGIN
from tests.support.wait import until_sync

PROGRAM = (sys.executable, "-m", "gateway_firmware_py.cli")
END_TIMEOUT_S = 30
HEAD = """\
[gateway]
id = "{gateway}"
site = "site-001"
state_dir = "state"

[trust]
log_origin = "{origin}"
log_key = "{log_key}"
control_key = "{control_key}"

[clock]
vouched = true

[seal]
period_s = {period_s}

[outbox]
max_mib = 64

"""


@dataclass(slots=True)
class GatewayProcess:
    """One gateway; `sources` and `uplink` are TOML."""

    folder: Path
    uplink: str
    sources: str = ""
    gateway: str = "gw-test-01"
    period_s: float = 0.5
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        head = HEAD.format(
            gateway=self.gateway,
            origin=ORIGIN,
            log_key=LOG_KEY.public.to_text(),
            control_key=CONTROL_KEY.public.to_text(),
            period_s=self.period_s,
        )
        uplink = f"[uplink]\n{self.uplink}\n"
        self.config.write_text(f"{head}{uplink}\n{self.sources}")

    @property
    def config(self) -> Path:
        return self.folder / "gateway.toml"

    @property
    def state_dir(self) -> Path:
        return self.folder / "state"

    @property
    def log(self) -> str:
        return (self.folder / "gateway.log").read_text(errors="replace")

    def command(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return subprocess.run(
            [*PROGRAM, name, "--config", str(self.config), *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def init(self) -> PublicKey:
        """Make the key and return its public half."""
        done = self.command("init", "--json")
        assert done.returncode == 0, done.stderr
        return PublicKey.from_text(json.loads(done.stdout)["key"])

    def start(self) -> None:
        with (self.folder / "gateway.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*PROGRAM, "run", "--config", str(self.config)], stdout=log, stderr=log
            )

    def stop(self) -> int:
        """End it with SIGTERM and return the exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(END_TIMEOUT_S)

    def kill(self) -> None:
        """End it with SIGKILL, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(END_TIMEOUT_S)

    def status(self) -> dict[str, Any]:
        """Return the last status, empty when there is none."""
        path = self.state_dir / "status.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def bodies(self, public: PublicKey) -> list[Body]:
        """Return the batches of the outbox, verified; the gateway may be running."""
        return list(read_outbox(list_segments(self.state_dir / "outbox"), public))

    def wait_for_batches(self, count: int, public: PublicKey) -> list[Body]:
        """Return the batches once there are so many."""
        until_sync(
            lambda: (self.state_dir / "outbox").is_dir() and len(self.bodies(public)) >= count,
            20,
            f"{count} batches",
        )
        return self.bodies(public)


def read_outbox(segments: Sequence[Path], public: PublicKey) -> Sequence[Body]:
    """Return the batches of segment files, verified."""
    bodies = []
    for segment in segments:
        for item in open_segment(segment).walk():
            if isinstance(item, Found):
                envelope = parse1(item.payload)
                verify1(envelope, public)
                bodies.append(decode_body(envelope.payload))
    return bodies
