"""The whole system as real processes, for the fault tests: started, hurt, then audited.

`TIME` scales the durations of links and time-outs: 10 in `scripts/test`, 1 in `scripts/soak`.
An audit believes neither program: see `simulators.tally`.
"""

import asyncio
import inspect
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from simulators.installation import GATEWAY, SITE, Installation, Pace
from simulators.link import Link
from simulators.points import modbus_text, registry_text, site_points
from simulators.ports import free_port
from simulators.program import Program, answer_of, run
from simulators.site import Site, SiteOptions
from simulators.tally import Tally, read_export, tally
from simulators.webhook_sink import WebhookSink
from tests.support.wait import until

TIME = float(os.environ.get("COLDWARDEN_TIME_SCALE", "10"))
SEEDS = range(int(os.environ.get("COLDWARDEN_SEEDS", "5")))
PACE = Pace(
    period_s=0.2,
    seal_s=0.5,
    answer_timeout_s=10 / TIME,
    backoff_max_s=30 / TIME,
    backlog_batches_per_s=200,
    stop_grace_s=20,
)
SETTLE_S = 60.0
FALSE_ALARM_KINDS = {"fork", "branch", "loss", "signature", "count", "clock", "log"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What was found when everything had settled."""

    tally: Tally
    archive: dict[str, object]
    outbox: dict[str, object]
    alarms: list[dict[str, object]]

    def assert_clean(self) -> None:
        """Fail unless nothing was lost, doubled, forked or falsely reported."""
        assert self.tally.clean, self.tally
        assert self.tally.taken > 0
        assert self.archive["passed"], self.archive
        assert self.outbox["passed"], self.outbox
        said = [a for a in self.alarms if a["kind"] in FALSE_ALARM_KINDS]
        assert not said, said


@dataclass(slots=True)
class Stack:
    """One running system; `link` stands between gateway and cloud (or broker)."""

    installation: Installation
    site: Site
    link: Link
    sink: WebhookSink
    extra: list[Program] = field(default_factory=list)

    @property
    def gateway(self) -> Program:
        """Return the gateway's process."""
        return self.installation.gateway

    @property
    def cloud(self) -> Program:
        """Return the cloud's process."""
        return self.installation.cloud

    async def cloud_status(self) -> dict[str, object]:
        """Return what the cloud says of itself; empty while it cannot be asked."""
        try:
            async with httpx.AsyncClient(timeout=5) as client:
                answer = await client.get(f"{self.installation.url}/api/status")
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

    async def eventually(
        self, condition: Callable[[], object], what: str, timeout_s: float = SETTLE_S
    ) -> None:
        """Wait for a condition, which may be a coroutine function."""
        try:
            async with asyncio.timeout(timeout_s):
                while not await _value(condition()):
                    await self.pass_s(0.05)
        except TimeoutError as error:
            logs = f"gateway:\n{self.gateway.tail()}\ncloud:\n{self.cloud.tail()}"
            raise AssertionError(f"waited {timeout_s} s for {what}\n{logs}") from error

    async def pass_s(self, seconds: float) -> None:
        """Let the real processes run for a while; every program must outlive it."""
        done = asyncio.get_running_loop().time() + seconds
        await until(lambda: asyncio.get_running_loop().time() >= done, seconds + 5)

    async def audit(self) -> Audit:
        """Stop the sources, wait for the receipts, stop everything, and count."""
        await self.link.restore()
        if not self.cloud.alive:
            self.cloud.start()
        await self.cloud_up()
        if not self.gateway.alive:
            self.gateway.start()
        await self.archived(1)
        code = await asyncio.to_thread(self.gateway.stop, 60)
        assert code == 0, self.gateway.tail()
        await self.eventually(self._caught_up, "the projections to catch up")
        await asyncio.to_thread(self.cloud.stop)
        return await asyncio.to_thread(self._count)

    def _count(self) -> Audit:
        built = self.installation
        exported = built.folder / "timeseries.jsonl"
        config = ["--config", str(built.folder / "cloud.toml")]
        exported.write_text(run(["coldwarden-cloud", "export", "timeseries", *config]))
        channels = {f"{SITE}-{p.channel:02d}": p.channel for p in site_points(with_mqtt=False)}
        with exported.open() as lines:
            found = tally(built.outbox, built.archive, read_export(lines, channels))
        return Audit(
            tally=found,
            archive=self._verify(built.archive),
            outbox=self._verify(built.outbox),
            alarms=[dict(d.document) for d in self.sink.deliveries],
        )

    def _verify(self, folder: Path) -> dict[str, object]:
        trust = str(self.installation.trust)
        command = ["coldwarden-verify", str(folder), "--trust", trust, "--json"]
        return dict(json.loads(answer_of(command)))

    async def _cloud_answers(self) -> bool:
        self.cloud.check()
        return bool(await self.cloud_status())

    async def _has(self, batches: int) -> bool:
        return int(str((await self.cloud_status()).get("batches", 0))) >= batches

    async def _caught_up(self) -> bool:
        status = await self.cloud_status()
        projections = status.get("projections")
        if not isinstance(projections, dict):
            return False
        return min(p["cursor"] for p in projections.values()) >= int(str(status["records"]))


@asynccontextmanager
async def stack(
    folder: Path, *, seed: int = 1, mqtt: bool = False, cloud: str = "", start: bool = True
) -> AsyncIterator[Stack]:
    """Run a pharmacy whose physics are calm: any alarm is a false one."""
    sink = WebhookSink()
    await sink.open()
    broker_port = free_port() if mqtt else 0
    built = Installation(folder=folder, pace=PACE, mqtt=mqtt, broker_port=broker_port)
    options = SiteOptions(seed=seed, scale=1.0, outages=False, habit="shut")
    async with Site(options) as site:
        link = Link(("127.0.0.1", broker_port or built.cloud_port))
        port = await link.start()
        sources = modbus_text("127.0.0.1", site.modbus_port, round(PACE.period_s * 1000))
        hook = f'[webhook]\nurls = ["http://127.0.0.1:{sink.port}/alarms"]\n{cloud}'
        points = registry_text(SITE, GATEWAY, with_mqtt=False)
        await asyncio.to_thread(
            built.make, sources, points, uplink=("127.0.0.1", port), cloud=hook
        )
        running = Stack(built, site, link, sink)
        try:
            if start:
                await _start(running)
            yield running
        finally:
            await asyncio.to_thread(built.stop)
            for program in running.extra:
                program.stop()
            await link.close()
            await sink.close()


async def _value(found: object) -> object:
    return await found if inspect.isawaitable(found) else found


async def _start(running: Stack) -> None:
    if running.installation.broker is not None:
        running.installation.broker.start()
    running.cloud.start()
    await running.cloud_up()
    running.gateway.start()
    await running.archived(2)
