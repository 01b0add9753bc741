"""A real Mosquitto of the test's own: plain, or mutual TLS with an ACL by certificate name.

    with plain_broker(tmp_path) as broker: ... broker.host, broker.port
    with mutual_tls_broker(tmp_path) as broker: ... broker.authority.client("gw-demo-01")

`broker.kill()` is SIGKILL; `broker.start()` brings it back on the same port with the same
files. The broker ends with the `with`.
"""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from simulators.certificates import Authority
from simulators.mosquitto import tls_listener, write_config
from tests.support.engines import engine
from tests.support.ports import free_port
from tests.support.wait import until_sync

START_TIMEOUT_S = 20
START_ATTEMPTS = 5  # another test may take the free port first

PLAIN_LISTENER = """\
listener {port} 127.0.0.1
allow_anonymous true
"""


@dataclass(slots=True)
class Broker:
    """One Mosquitto process; `listener` is its listener block with `{port}` left open."""

    folder: Path
    listener: str
    authority: Authority | None = None
    host: str = "127.0.0.1"
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def log(self) -> str:
        """Return everything the broker has printed."""
        return (self.folder / "mosquitto.log").read_text()

    def start(self) -> None:
        """Start, and return once it accepts connections; the port is kept over restarts."""
        known = self.port
        for _ in range(START_ATTEMPTS):
            self.port = known or free_port()
            if self._try_start():
                return
        message = f"mosquitto did not start on {self.host}:{self.port}: {self.log}"
        raise AssertionError(message)

    def kill(self) -> None:
        """End the broker with SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self) -> None:
        """End the broker in good order, if it runs."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None

    def _try_start(self) -> bool:
        config = write_config(self.folder, self.listener, self.port)
        with (self.folder / "mosquitto.log").open("ab") as log:
            program = engine("mosquitto")
            command = [program, "-v", "-c", str(config)]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        process = self.process
        until_sync(
            lambda: process.poll() is not None or self._accepts(),
            START_TIMEOUT_S,
            "mosquitto to accept connections",
        )
        return process.poll() is None

    def _accepts(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((self.host, self.port)) == 0


@contextmanager
def plain_broker(folder: Path) -> Iterator[Broker]:
    """Run Mosquitto without TLS or ACL on a free loopback port."""
    yield from _running(Broker(folder=_own_folder(folder), listener=PLAIN_LISTENER))


@contextmanager
def mutual_tls_broker(folder: Path) -> Iterator[Broker]:
    """Run Mosquitto demanding client certificates of `broker.authority`, ACL by common name."""
    own = _own_folder(folder)
    authority = Authority(own / "certificates")
    listener = tls_listener(own, authority)
    yield from _running(Broker(folder=own, listener=listener, authority=authority))


def _own_folder(folder: Path) -> Path:
    own = folder / "mosquitto"
    own.mkdir(parents=True, exist_ok=True)
    return own


def _running(broker: Broker) -> Iterator[Broker]:
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
