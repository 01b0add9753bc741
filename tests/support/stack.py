"""The whole system as real processes, for the fault tests: started, hurt, then audited.

    async with stack(tmp_path, Wishes(mqtt="tls")) as running: ...

`TIME` scales the durations of links and time-outs: 10 in `scripts/test`, 1 in `scripts/soak`.
Links that fail on command stand everywhere between two programs: gateway and cloud (or
broker), cloud and broker (plain MQTT), cloud and InfluxDB, cloud and webhook.
"""

import asyncio
import inspect
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import httpx

from simulators.installation import GATEWAY, SITE, Installation, Pace
from simulators.link import Link
from simulators.points import modbus_text
from simulators.ports import free_port
from simulators.program import Program
from simulators.registry_document import pharmacy
from simulators.site import Site, SiteOptions
from simulators.webhook_sink import WebhookSink
from tests.support.audit import Audit, audit
from tests.support.influxd import influxd
from tests.support.mosquitto import Broker, plain_broker
from tests.support.server_process import ServerProcess
from tests.support.wait import until

TIME = float(os.environ.get("COLDWARDEN_TIME_SCALE", "10"))
SEEDS = range(int(os.environ.get("COLDWARDEN_SEEDS", "5")))
PACE = Pace(
    period_s=0.2,
    seal_s=0.5,
    answer_timeout_s=10 / TIME,
    backoff_max_s=30 / TIME,
    backlog_batches_per_s=200,
    stop_grace_s=20 if TIME > 1 else 180,  # at true pace a lost batch is sent again in 30 s
)
SETTLE_S = 60.0 if TIME > 1 else 180.0
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a test wants of its stack; `protocol` is how its links tell messages apart.

    `mqtt` is "tls" with certificates and ACL, or "plain" where the link must see messages.
    """

    seed: int = 1
    mqtt: Literal["", "tls", "plain"] = ""
    protocol: str = "bytes"
    influx: bool = False
    pace: Pace = PACE
    start: bool = True


@dataclass(slots=True, kw_only=True)
class Stack:
    """One running system; `link` stands between gateway and cloud (or broker)."""

    installation: Installation
    site: Site
    sink: WebhookSink
    link: Link
    hook_link: Link
    server_link: Link | None = None
    influx_link: Link | None = None
    influx: ServerProcess | None = None
    extra: list[Program] = field(default_factory=list)

    @property
    def gateway(self) -> Program:
        """Return the gateway's process."""
        return self.installation.gateway

    @property
    def cloud(self) -> Program:
        """Return the cloud's process."""
        return self.installation.cloud

    async def start(self) -> None:
        """Start every program, and return when batches are archived."""
        if self.installation.broker is not None:
            self.installation.broker.start()
        self.cloud.start()
        await self.cloud_up()
        self.gateway.start()
        await self.archived(2)

    async def cloud_status(self) -> dict[str, object]:
        """Return what the cloud says of itself; empty while it cannot be asked."""
        try:
            async with httpx.AsyncClient(timeout=5) as client:
                answer = await client.get(
                    f"{self.installation.url}/api/status", headers=self.installation.as_operator
                )
                return dict(answer.json()) if answer.status_code == 200 else {}
        except (httpx.HTTPError, ValueError):
            return {}

    async def cloud_up(self) -> None:
        """Wait until the cloud answers."""
        await self.eventually(self._cloud_answers, "the cloud to answer")

    async def archived(self, batches: int) -> None:
        """Wait until the archive holds that many batches more than now."""
        goal = int(str((await self.cloud_status()).get("batches", 0))) + batches
        await self.eventually(lambda: self._has(goal), f"{batches} more batches in the archive")

    async def told(self, kind: str, event: str = "raised", count: int = 1) -> None:
        """Wait until people were told of an alarm so often."""

        def heard() -> bool:
            documents = [d.document for d in self.sink.deliveries]
            same = [d for d in documents if (d["kind"], d["event"]) == (kind, event)]
            return len({d["alarm"] for d in same}) >= count

        await self.eventually(heard, f"the alarm {kind} {event}")

    async def eventually(
        self, condition: Callable[[], object], what: str, timeout_s: float = SETTLE_S
    ) -> None:
        """Wait for a condition, which may be a coroutine function."""
        try:
            async with asyncio.timeout(timeout_s):
                while not await _value(condition()):
                    await self.pass_s(0.05)
        except TimeoutError as error:
            raise AssertionError(f"waited {timeout_s} s for {what}\n{self._logs()}") from error

    def _logs(self) -> str:
        broker = self.installation.broker
        programs = [self.gateway, self.cloud, *([broker] if broker else [])]
        return "\n".join(f"{p.name} (alive: {p.alive}):\n{p.tail()}" for p in programs)

    async def pass_s(self, seconds: float) -> None:
        """Let the real processes run for a while."""
        done = asyncio.get_running_loop().time() + seconds
        await until(lambda: asyncio.get_running_loop().time() >= done, seconds + 5)

    async def settle(self) -> None:
        """Heal everything, stop the sources, wait for receipts and projections, stop all."""
        for link in (self.link, self.hook_link, self.server_link, self.influx_link):
            if link is not None:
                await link.restore()
        if not self.cloud.alive:
            self.cloud.start()
        await self.cloud_up()
        if not self.gateway.alive:
            self.gateway.start()
        await self.archived(1)
        code = await asyncio.to_thread(self.gateway.stop, PACE.stop_grace_s + 40)
        assert code == 0, self.gateway.tail()
        await self.eventually(self._caught_up, "the projections to catch up")
        await asyncio.to_thread(self.cloud.stop)

    async def audit(self) -> Audit:
        """Settle, and count."""
        await self.settle()
        return await self.count()

    async def count(self) -> Audit:
        """Return what became of everything; `settle` came first."""
        return await asyncio.to_thread(audit, self.installation, self.sink.deliveries)

    async def _cloud_answers(self) -> bool:
        self.cloud.check()
        return bool(await self.cloud_status())

    async def _has(self, batches: int) -> bool:
        return int(str((await self.cloud_status()).get("batches", 0))) >= batches

    async def _caught_up(self) -> bool:
        status = await self.cloud_status()
        projections, hooks = status.get("projections"), status.get("webhooks")
        if not isinstance(projections, dict) or not isinstance(hooks, dict):
            return False
        behind = min(p["cursor"] for p in projections.values()) < int(str(status["records"]))
        return not behind and not any(hook.get("waiting") for hook in hooks.values())


@asynccontextmanager
async def stack(folder: Path, wishes: Wishes | None = None) -> AsyncIterator[Stack]:
    """Run a pharmacy whose physics are calm: any alarm but of an outage is a false one."""
    wishes = wishes or Wishes()
    async with AsyncExitStack() as opened:
        running = await _made(folder, wishes, opened)
        try:
            if wishes.start:
                await running.start()
            yield running
        finally:
            await asyncio.to_thread(running.installation.stop)
            for program in running.extra:
                program.stop()


async def _made(folder: Path, wishes: Wishes, opened: AsyncExitStack) -> Stack:
    broker_port = free_port() if wishes.mqtt == "tls" else 0
    built = Installation(
        folder=folder / "cw",
        pace=wishes.pace,
        mqtt=wishes.mqtt == "tls",
        broker_port=broker_port,
    )
    sink = WebhookSink()
    await sink.open()
    opened.push_async_callback(sink.close)
    options = SiteOptions(seed=wishes.seed, scale=1.0, outages=False, habit="shut")
    site = await opened.enter_async_context(Site(options))
    plain = None
    if wishes.mqtt == "plain":
        plain = opened.enter_context(plain_broker(folder))
        broker_port = plain.port
    link = await _linked(opened, broker_port or built.cloud_port, wishes.protocol)
    running = Stack(
        installation=built,
        site=site,
        sink=sink,
        link=link,
        hook_link=await _linked(opened, sink.port, "http"),
    )
    cloud = f'[webhook]\nurls = ["http://{HOST}:{running.hook_link.address[1]}/alarms"]\n'
    if wishes.influx:
        cloud += await _influx(running, folder, opened)
    if plain is not None:
        running.server_link = await _linked(opened, plain.port, wishes.protocol)
        cloud += f'[mqtt]\nhost = "{HOST}"\nport = {running.server_link.address[1]}\n'
    await asyncio.to_thread(_write, running, cloud, plain)
    return running


def _write(running: Stack, cloud: str, plain: Broker | None) -> None:
    built, period_s = running.installation, running.installation.pace.period_s
    sources = modbus_text(HOST, running.site.modbus_port, round(period_s * 1000))
    heartbeat_s = max(1, round(built.pace.seal_s))
    registry = pharmacy(SITE, GATEWAY, with_mqtt=False, heartbeat_s=heartbeat_s)
    port = running.link.address[1]
    built.make(sources, registry, uplink=(HOST, port), cloud=cloud)
    if plain is not None:
        text = built.gateway_toml.read_text()
        over_http = f'mode = "https"\nhttps_url = "http://{HOST}:{port}"'
        over_mqtt = f'mode = "mqtt"\nmqtt_host = "{HOST}"\nmqtt_port = {port}'
        assert over_http in text
        built.gateway_toml.write_text(text.replace(over_http, over_mqtt))


async def _linked(opened: AsyncExitStack, port: int, protocol: str) -> Link:
    link = Link((HOST, port), protocol)
    await link.start()
    opened.push_async_callback(link.close)
    return link


async def _influx(running: Stack, folder: Path, opened: AsyncExitStack) -> str:
    running.influx = opened.enter_context(influxd(folder))
    running.influx_link = await _linked(opened, running.influx.port, "http")
    port = running.influx_link.address[1]
    return f'[timeseries]\nkind = "influx"\nurl = "http://{HOST}:{port}"\n'


async def _value(found: object) -> object:
    return await found if inspect.isawaitable(found) else found
