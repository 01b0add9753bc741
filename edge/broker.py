"""A small MQTT broker inside the gateway, so that sensors need nothing else on the site.

MQTT 3.1.1 for loopback or the site's own network: no TLS, no passwords, nothing kept over a
restart, some thousand messages a second. A site that needs more runs Mosquitto and names it in
`[[mqtt]]`. The library is loaded only when such a broker is configured.
"""

import asyncio
import logging
from typing import Any, Final

from edge.errors import SourceConfigError

MAX_CONNECTIONS: Final = 200
SESSION_EXPIRY_S: Final = 600
QUIETED: Final = ("amqtt", "transitions")  # what they log as errors is raised here


class EmbeddedBroker:
    """Listens on `host`:`port` between `start` and `stop`; or use `run` as a task."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._broker: Any = None

    async def start(self) -> None:
        """Open the port.

        Raises:
            SourceConfigError: the port is taken, the address is not ours, or amqtt is missing.
        """
        for name in QUIETED:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        where = f"{self._host}:{self._port}"
        broker, refused = _make(self._host, self._port)
        try:
            await broker.start()
        except refused as exc:
            raise SourceConfigError(
                f"the embedded broker cannot listen on {where}: {exc}; "
                f"change broker.listen, or end the broker that has the port"
            ) from exc
        self._broker = broker

    async def stop(self) -> None:
        """Disconnect everybody and close the port."""
        if self._broker is not None:
            broker, self._broker = self._broker, None
            await broker.shutdown()

    async def run(self) -> None:
        """Listen until cancelled."""
        await self.start()
        try:
            await asyncio.Event().wait()
        finally:
            await self.stop()


def _make(host: str, port: int) -> tuple[Any, type[Exception]]:
    try:
        from amqtt.broker import Broker  # noqa: PLC0415 - only a site that wants it pays for it
        from amqtt.errors import BrokerError  # noqa: PLC0415
    except ImportError as exc:
        raise SourceConfigError(
            "the embedded broker needs amqtt; pip install 'coldwarden[gateway]'"
        ) from exc
    listener = {
        "type": "tcp",
        "bind": f"{host}:{port}",
        "max_connections": MAX_CONNECTIONS,
    }
    anonymous = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    settings = {
        "listeners": {"default": listener},
        "plugins": anonymous,
        "session_expiry_interval": SESSION_EXPIRY_S,
    }
    return Broker(settings), BrokerError
