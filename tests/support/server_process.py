"""A real server that a test starts, kills and starts again on the same port and files."""

import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.ports import free_port
from tests.support.wait import until_sync

START_TIMEOUT_S = 30
START_ATTEMPTS = 5  # another test may take the free port first


@dataclass(slots=True, kw_only=True)
class ServerProcess:
    """One server; `command(folder, port)` says how to run it, ended by its own pid."""

    folder: Path
    command: Callable[[Path, int], Sequence[str]]
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Return where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """Return everything it has printed."""
        return (self.folder / "server.log").read_text(errors="replace")

    def start(self) -> None:
        """Start, and return once it accepts connections; the port is kept over restarts."""
        known = self.port
        for _ in range(START_ATTEMPTS):
            self.port = known or free_port()
            if self._try_start():
                return
        message = f"no server on {self.url}: {self.log[-2000:]}"
        raise AssertionError(message)

    def kill(self) -> None:
        """End it with SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self) -> None:
        """End it in good order, if it runs."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None

    def _try_start(self) -> bool:
        with (self.folder / "server.log").open("ab") as log:
            command = self.command(self.folder, self.port)
            process = subprocess.Popen(command, stdout=log, stderr=log)
        self.process = process
        until_sync(
            lambda: process.poll() is not None or self._accepts(),
            START_TIMEOUT_S,
            f"{command[0]} to accept connections",
        )
        return process.poll() is None

    def _accepts(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def running(server: ServerProcess) -> Iterator[ServerProcess]:
    """Start `server`, and end it with the `with`."""
    server.folder.mkdir(parents=True, exist_ok=True)
    server.start()
    try:
        yield server
    finally:
        server.stop()
