"""Runs the whole server in one process until it is told to stop.

Made by `cloud.compose`. A part starts after everything it hands work to, and stops before it.
"""

import asyncio
import gc
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import uvicorn

from cloud.configuring.service import Configuring
from cloud.core import Core
from cloud.enrolment.broker import BrokerAccess
from cloud.errors import OperatorError
from cloud.ingest.http_app import IngestApp
from cloud.ingest.http_front import Fronts
from cloud.ingest.mqtt import MqttTransport
from cloud.readside import ReadSide
from cloud.spool import Spool

GC_THRESHOLDS = (50_000, 20, 50)
"""A batch makes a few dozen short-lived objects and no cycles: the default costs 10 %."""
DRAIN_S = 3  # how long open connections (live pages) may hold up the end
KEEP_ALIVE_S = 65  # longer than a gateway's period, so that its connection stays

_log = logging.getLogger(__name__)


class _Quiet(uvicorn.Server):
    """uvicorn without its own signal handling: the process has one owner, `Server`."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `Server`."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self._on_ready()


class _Crash:
    """Ends the server when one of its threads does: half a server would look alive."""

    def __init__(self) -> None:
        self.thread = ""

    def __call__(self, args: threading.ExceptHookArgs, /) -> None:
        self.thread = args.thread.name if args.thread else "unknown"
        _log.critical("thread %s ended by itself", self.thread, exc_info=args.exc_value)
        os.kill(os.getpid(), signal.SIGTERM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What follows the archive or the registry beside the core."""

    reads: ReadSide
    configuring: Configuring
    broker: BrokerAccess | None


@dataclass(slots=True, kw_only=True)
class Server:
    """See the module."""

    core: Core
    parts: Parts
    app: IngestApp
    mqtt: MqttTransport | None
    spool: Spool

    def run(self, on_ready: Callable[[str], None]) -> None:
        """Serve until SIGINT or SIGTERM; `on_ready` is told the address that is served."""
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        crash = _Crash()
        threading.excepthook = crash
        self._start()
        try:
            with asyncio.Runner(loop_factory=_loop) as runner:
                runner.run(self._serve(on_ready))
        finally:
            self._stop()
        if crash.thread:
            raise OperatorError(
                f"thread {crash.thread} ended by itself, see the log; start the server again"
            )

    def _start(self) -> None:
        self.parts.configuring.start()
        self.parts.reads.start()
        if self.parts.broker is not None:
            self.parts.broker.start()
        self.core.start()
        self.spool.start()
        if self.mqtt is not None:
            self.mqtt.start()

    def _stop(self) -> None:
        if self.mqtt is not None:
            self.mqtt.stop()
        self.spool.stop()
        self.core.intake.stop()
        if self.parts.broker is not None:
            self.parts.broker.stop()
        self.parts.reads.stop()  # while what it still records can be archived
        self.parts.configuring.stop()
        self.core.stop()

    async def _serve(self, on_ready: Callable[[str], None]) -> None:
        config = self.core.config
        listening = _listen(config.host, config.port)
        host, port = listening.getsockname()[:2]
        server = _Quiet(
            uvicorn.Config(
                self.app,
                http=cast("type[asyncio.Protocol]", Fronts(self.app.exchanges)),
                proxy_headers=False,  # nobody here asks where a request came from
                access_log=False,
                log_level="warning",
                lifespan="off",
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=DRAIN_S,
            ),
            lambda: on_ready(f"http://{host}:{port}"),
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, _stop, server)
        await server.serve([listening])


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=2048)
    except OSError as error:
        raise OperatorError(
            f"cannot listen on {host}:{port}: {error.strerror}; change [server] port"
        ) from error


def _stop(server: uvicorn.Server) -> None:
    server.should_exit = True


def _loop() -> asyncio.AbstractEventLoop:
    import uvloop  # noqa: PLC0415 - not on every platform

    return uvloop.new_event_loop()
