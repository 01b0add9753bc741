"""One of our programs as a process of its own: started, watched, ended by its process id.

Used by the demo and by the fault tests, which both run the real programs.
"""

import signal
import subprocess
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from simulators.errors import SimulatorError

STOP_S = 30.0
TAIL_LINES = 12


class Program:
    """A command, its log file, and the process while there is one."""

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        self.name = name
        self.command = [script(command[0]), *command[1:]]
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Return the process id; 0 when it is not running."""
        return self._process.pid if self._process is not None and self.alive else 0

    @property
    def alive(self) -> bool:
        """Return whether it is running."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it; what it prints is appended to its log."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own programs
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """End it as a power cut would."""
        self._signal(signal.SIGKILL, STOP_S)

    def stop(self, timeout_s: float = STOP_S) -> int:
        """Ask it to end and return its exit code; killed when it does not end in time."""
        return self._signal(signal.SIGTERM, timeout_s)

    def check(self) -> None:
        """Raise SimulatorError, with the end of the log, if it has ended by itself."""
        if not self.alive:
            raise SimulatorError(f"{self.name} ended by itself; its log ends:\n{self.tail()}")

    def tail(self) -> str:
        """Return the end of its log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-TAIL_LINES:])

    def _signal(self, number: signal.Signals, timeout_s: float) -> int:
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def script(name: str) -> str:
    """Return the path of one of our commands in this environment; a path stays as it is."""
    if "/" in name:
        return name
    path = Path(sysconfig.get_path("scripts")) / name
    if not path.exists():
        raise SimulatorError(f"{path} is not there; install the project: scripts/demo does")
    return str(path)


def run(command: Sequence[str], timeout_s: float = 60.0, said: str = "") -> str:
    """Run a short command of ours and return what it printed; SimulatorError if it failed.

    `said` is what it reads from its standard input.
    """
    done = _finished(command, timeout_s, said)
    if done.returncode != 0:
        what = " ".join(command)
        raise SimulatorError(f"{what} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def try_run(command: Sequence[str], timeout_s: float = 600.0) -> bool:
    """Run a command of ours and return whether it succeeded."""
    return _finished(command, timeout_s).returncode == 0


def answer_of(command: Sequence[str], timeout_s: float = 600.0) -> str:
    """Run a command of ours and return what it printed, whether it succeeded or not."""
    return _finished(command, timeout_s).stdout


def _finished(
    command: Sequence[str], timeout_s: float, said: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own programs
        [script(command[0]), *command[1:]],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        input=said,
    )
