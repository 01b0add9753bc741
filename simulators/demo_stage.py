"""The stage of the demo: a simulated pharmacy, a link that can be cut, and the real programs.

Physics runs 60 times faster than the clocks, so that a refrigerator warms while one watches;
every time stamp is real.
"""

import asyncio
import contextlib
import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from simulators.enrolled import Reached, enrol, prepare
from simulators.errors import SimulatorError
from simulators.installation import GATEWAY, SITE, Installation, Pace
from simulators.link import Link
from simulators.ports import free_port
from simulators.registry_document import Wiring, pharmacy, wired
from simulators.site import Site, SiteOptions
from simulators.webhook_sink import WebhookSink

SCALE = 60.0
PERIOD_S = 1.0
PACE = Pace(
    period_s=PERIOD_S, seal_s=2.0, answer_timeout_s=5.0, backoff_max_s=5.0, stop_grace_s=30.0
)
STEP_S = 0.1
START_TIMEOUT_S = 60.0
CATCH_UP_TIMEOUT_S = 120.0


@dataclass(slots=True, kw_only=True)
class Stage:
    """Everything that runs during a demo; use it as `async with Stage(...) as stage`."""

    folder: Path
    seed: int = 1
    mqtt: bool = False
    port: int = 0
    site: Site = field(init=False)
    link: Link = field(init=False)
    broker_link: Link = field(init=False)
    sink: WebhookSink = field(init=False)
    installation: Installation = field(init=False)

    async def __aenter__(self) -> Self:
        """Start the sensors, the link, the cloud and the gateway."""
        self.sink = WebhookSink()
        await self.sink.open()
        self.installation = Installation(
            folder=self.folder,
            pace=PACE,
            mqtt=self.mqtt,
            cloud_port=self.port or free_port(),
            broker_port=free_port() if self.mqtt else 0,
        )
        try:
            await self._start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """End every process and every simulated thing."""
        with contextlib.suppress(AttributeError):  # before its broker, which the gateway runs
            await self.site.__aexit__()
        await asyncio.to_thread(self.installation.stop)
        for link in self.links():
            await link.close()
        await self.sink.close()

    def cut(self, seconds: float | None = None) -> None:
        """Cut every way to the cloud, for a while or until it is restored."""
        for link in self.links():
            link.cut(seconds)

    async def restore(self) -> None:
        """Restore every way to the cloud."""
        for link in self.links():
            await link.restore()

    def links(self) -> list[Link]:
        """Return what stands between the gateway and the cloud: one way, or both."""
        made = (getattr(self, name, None) for name in ("link", "broker_link"))
        return [link for link in made if link is not None]

    async def finish(self) -> None:
        """Restore the link, stop the sources, seal, wait for receipts and projections."""
        await self.restore()
        code = await asyncio.to_thread(self.installation.gateway.stop, PACE.stop_grace_s + 20)
        if code != 0:
            tail = self.installation.gateway.tail()
            raise SimulatorError(f"the gateway ended with {code}; its log ends:\n{tail}")
        await self.until(self.caught_up, CATCH_UP_TIMEOUT_S, "the projections")
        await asyncio.to_thread(self.installation.cloud.stop)

    async def until(self, condition: Callable[[], object], timeout_s: float, what: str) -> None:
        """Return once `condition()` holds; SimulatorError when it does not in time."""
        deadline_s = time.monotonic() + timeout_s
        while not await asyncio.to_thread(condition):
            if time.monotonic() > deadline_s:
                raise SimulatorError(f"waited {timeout_s:.0f} s for {what}")
            await asyncio.sleep(STEP_S)

    def cloud_status(self) -> dict[str, Any]:
        """Return what the cloud says of itself; empty while it cannot be asked."""
        try:
            connection = http.client.HTTPConnection(
                "127.0.0.1", self.installation.cloud_port, timeout=5
            )
            with contextlib.closing(connection):
                connection.request("GET", "/api/status", headers=self.installation.as_operator)
                answer = connection.getresponse()
                found = json.loads(answer.read()) if answer.status == 200 else {}
        except (OSError, ValueError, http.client.HTTPException):
            return {}
        return found if isinstance(found, dict) else {}

    def gateway_status(self) -> dict[str, Any]:
        """Return the gateway's status file; empty while there is none."""
        try:
            found = json.loads(self.installation.gateway_status.read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def caught_up(self) -> bool:
        """Return whether every projection has applied the whole archive."""
        status = self.cloud_status()
        cursors = [p["cursor"] for p in status.get("projections", {}).values()]
        return bool(cursors) and min(cursors) >= status["records"]

    async def _start(self) -> None:
        built = self.installation
        mqtt = ("127.0.0.1", built.sensor_broker_port)
        options = SiteOptions(
            seed=self.seed, scale=SCALE, mqtt=mqtt, mqtt_period_s=PERIOD_S, scan_period_s=5.0,
            outages=False, habit="shut",
        )  # fmt: skip
        self.site = await Site(options).__aenter__()
        self.link = Link(("127.0.0.1", built.cloud_port))
        reached = Reached(http_port=await self.link.start())
        if self.mqtt:
            self.broker_link = Link(("127.0.0.1", built.broker_port))
            reached = replace(reached, broker_port=await self.broker_link.start())
        wiring = Wiring(
            host="127.0.0.1", modbus_port=self.site.modbus_port, mqtt=mqtt,
            scanner_port=self.site.scanner_port, listen=f"127.0.0.1:{mqtt[1]}",
            period_s=round(PERIOD_S), seal_s=PACE.seal_s,
        )  # fmt: skip
        plain = pharmacy(SITE, GATEWAY, with_mqtt=True, heartbeat_s=round(PACE.seal_s))
        hook = f'[webhook]\nurls = ["http://127.0.0.1:{self.sink.port}/alarms"]\n'
        await asyncio.to_thread(prepare, built, wired(plain, wiring), reached, hook)
        built.cloud.start()
        await self.until(self._cloud_answers, START_TIMEOUT_S, "the cloud to answer")
        if built.broker is not None:
            built.broker.start()
        await asyncio.to_thread(enrol, built)
        built.gateway.start()

    def _cloud_answers(self) -> bool:
        self.installation.cloud.check()
        return bool(self.cloud_status())
