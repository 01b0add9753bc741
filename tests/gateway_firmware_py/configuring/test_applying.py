"""A configuration comes down while a gateway polls: no poll is lost; it finds its way back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from domain.quality import NO_VALUE_FROM
from edge.disk_thread import DiskThread
from evidence.batch import Body, EventKind, expand
from evidence.configuration import ConfigurationDocument, Stage, standing_of
from evidence.point_table import table_hash
from gateway_firmware_py.config.read import load_settings
from gateway_firmware_py.configuring.applying import Configurator, ConfiguringParts, InForce
from gateway_firmware_py.configuring.starting import begin_by_kept
from gateway_firmware_py.configuring.store import ConfigurationStore
from gateway_firmware_py.configuring.trial import OnTrial, Patience, Settled, in_force
from gateway_firmware_py.running import RunningSources
from gateway_firmware_py.sources import all_sources
from tests.support.fake_cloud import CONTROL_KEY, LOG_KEY, ORIGIN
from tests.support.gateway_parts import Bench
from tests.support.modbus_builders import BootClock
from tests.support.modbus_peer import Peer, tcp_peer
from tests.support.ports import free_port
from tests.support.wait import until

GATEWAY = "gw-test-01"
PERIOD_MS = 200
HEAD = """\
[gateway]
id = "gw-test-01"
site = "site-001"
state_dir = "state"
[trust]
log_origin = "{origin}"
log_key = "{log}"
control_key = "{control}"
[uplink]
mode = "https"
https_url = "http://127.0.0.1:9"
"""
BUS = """\
[[modbus]]
name = "{name}"
host = "127.0.0.1"
port = {port}
  [[modbus.device]]
  name = "{name}-probe"
  unit = 1
  profile = "{profile}"
  period_ms = {period_ms}
"""
POINT = """\
    [[modbus.device.point]]
    name = "{name}"
    channel = {channel}
"""
QUICK = Patience(least_ms=0, poll_ms=400, link_ms=400)


def bus(
    port: int,
    name: str = "bus1",
    *,
    profile: str = "RS-WS-N01",
    period_ms: int = PERIOD_MS,
    points: dict[str, int] | None = None,
) -> str:
    text = BUS.format(name=name, port=port, profile=profile, period_ms=period_ms)
    named = {"temperature": 1} if points is None else points
    return text + "".join(POINT.format(name=n, channel=c) for n, c in named.items())


class RealClock(BootClock):
    """The machine's clocks, also as `Bench` asks for them."""

    @property
    def now_ms(self) -> int:
        return self.mono_ms()


@dataclass(slots=True)
class Site:
    """A gateway's recorder, sources and configurator over real Modbus TCP."""

    folder: Path
    bench: Bench
    configurator: Configurator
    in_force: InForce
    running: RunningSources
    store: ConfigurationStore
    contacts: list[int] = field(default_factory=lambda: [0])

    def offer(self, version: int, sources: str, **profiles: str) -> ConfigurationDocument:
        document = ConfigurationDocument(
            version=version,
            gateway=GATEWAY,
            sources=sources,
            profiles={f"{name}.toml": text for name, text in profiles.items()},
        )
        self.configurator.offer(document)
        return document

    async def bodies(self) -> list[Body]:
        self.bench.recorder._seal()
        await self.bench.recorder.flush()
        return self.bench.bodies()

    async def said(self) -> list[tuple[int, str, str]]:
        """Return what the STATE events said, repetitions left out."""
        told: list[tuple[int, str, str]] = []
        for body in await self.bodies():
            for event in body.events:
                standing = standing_of(event.body) if event.kind == EventKind.STATE else None
                if standing is not None:
                    word = (standing.version, str(standing.stage), standing.reason)
                    told += [word] if told[-1:] != [word] else []
        return told

    async def times(self, channel: int) -> list[int]:
        """Return when each value of a channel was read; a missed poll fails the test."""
        readings = [r for body in await self.bodies() for r in expand(body) if r[0] == channel]
        assert all(q < NO_VALUE_FROM for *_, q in readings), "a poll was missed"
        return [t for _, _, t, _, _ in readings]

    def settled(self, version: int | None) -> bool:
        kept = self.in_force.kept
        found = in_force(kept)
        return isinstance(kept, Settled) and (found.number if found else None) == version


@asynccontextmanager
async def site(folder: Path, sources: str, patience: Patience = QUICK) -> AsyncIterator[Site]:
    """Run until the block ends; the cloud is reached at every look unless a test stops it."""
    config = folder / "gateway.toml"
    head = HEAD.format(
        origin=ORIGIN, log=LOG_KEY.public.to_text(), control=CONTROL_KEY.public.to_text()
    )
    config.write_text(head + sources)
    base = load_settings(config)
    base.identity.state_dir.mkdir(exist_ok=True)
    store = ConfigurationStore(base.identity.state_dir)
    in_force_ = InForce.of(begin_by_kept(base, store))
    settings = in_force_.settings
    clock = RealClock()
    bench = Bench(
        folder=base.identity.state_dir,
        channels=settings.channels,
        clock=clock,  # type: ignore[arg-type]
    )
    bench.recorder._parts.state_body = lambda dropped: {
        **bench.state_body(dropped),
        **(in_force_.standing.fields if in_force_.standing else {}),
    }
    contacts = [0]

    def count() -> int:
        contacts[0] += 1
        return contacts[0]

    disk = DiskThread()
    configurator = Configurator(
        ConfiguringParts(
            base=base,
            store=store,
            disk=disk,
            clock=clock,
            recorder=bench.recorder,
            build=lambda wanted: all_sources(wanted, bench.recorder, clock, at_once=True),
            contacts=lambda: count() if contacts[0] >= 0 else -1,
            patience=lambda _: patience,
        ),
        in_force_,
    )
    bench.recorder.begin()
    try:
        async with asyncio.TaskGroup() as group:
            running = RunningSources(group)
            running.start(all_sources(settings, bench.recorder, clock))
            tasks = [
                group.create_task(bench.recorder.run()),
                group.create_task(configurator.run(running)),
            ]
            yield Site(folder, bench, configurator, in_force_, running, store, contacts)
            for task in tasks:
                task.cancel()
            await running.end()
    finally:
        bench.close()
        disk.close()


async def until_polled(peer: Peer, times: int) -> None:
    at = len(peer.asked)
    await until(lambda: len(peer.asked) >= at + times)


async def test_a_new_point_is_read_and_no_poll_of_the_others_is_lost(tmp_path: Path) -> None:
    port, other = free_port(), free_port()
    async with tcp_peer(port) as peer, tcp_peer(other) as untouched:
        sources = bus(port) + bus(other, "bus2", points={"temperature": 5})
        async with site(tmp_path, sources) as one:
            await until_polled(peer, 4)
            wanted = bus(port, points={"temperature": 1, "humidity": 2})
            one.offer(1, wanted + bus(other, "bus2", points={"temperature": 5}))
            await until(lambda: one.settled(1))
            await until_polled(peer, 4)
            for channel in (1, 2, 5):
                times = await one.times(channel)
                assert len(times) >= 3
                assert max(b - a for a, b in pairwise(times)) <= 1.5 * PERIOD_MS, channel
            assert untouched.connections == 1, "a bus that stays as it is keeps its line"
            assert await one.said() == [(1, "trial", ""), (1, "applied", "")]
            last = (await one.bodies())[-1]
            assert last.config == table_hash(one.in_force.settings.channels)
            assert [c.number for c in one.in_force.settings.channels] == [1, 2, 5]


async def test_what_cannot_be_read_disturbs_nothing_and_is_answered(tmp_path: Path) -> None:
    port = free_port()
    async with tcp_peer(port) as peer, site(tmp_path, bus(port)) as one:
        await until_polled(peer, 2)
        one.offer(1, bus(port, profile="no-such-profile"))
        await until(lambda: one.in_force.kept != Settled())
        await until_polled(peer, 3)
        assert peer.connections == 1
        ((version, stage, reason),) = await one.said()
        assert (version, stage) == (1, "rolled_back")
        assert "configuration-1:5" in reason
        assert "no-such-profile" in reason
        assert len(await one.times(1)) >= 4


@pytest.mark.parametrize(
    ("sources", "reason"),
    [
        ("[gateway]\nid = 'gw-x'\n", "unknown setting"),
        ("[[modbus]\n", "the format is TOML"),
        ("[outbox]\nmax_mib = 16\n", "unknown setting"),
    ],
)
async def test_only_sources_can_be_configured_from_the_cloud(
    tmp_path: Path, sources: str, reason: str
) -> None:
    async with site(tmp_path, "") as one:
        one.offer(1, sources)
        await until(lambda: one.in_force.kept != Settled())
        ((_, stage, why),) = await one.said()
        assert stage == "rolled_back"
        assert reason in why


async def test_a_channel_never_changes_its_meaning(tmp_path: Path) -> None:
    port = free_port()
    async with tcp_peer(port) as peer, site(tmp_path, bus(port)) as one:
        await until_polled(peer, 2)
        one.offer(1, bus(port))
        await until(lambda: one.settled(1))
        one.offer(2, bus(port, points={"humidity": 1}))
        await until(
            lambda: (
                len(one.in_force.kept.refused.reason)
                if isinstance(one.in_force.kept, Settled) and one.in_force.kept.refused
                else 0
            )
        )
        assert one.settled(1)
        version, stage, reason = (await one.said())[-1]
        assert (version, stage) == (2, "rolled_back")
        assert "cannot become" in reason


async def test_when_nothing_answers_any_more_it_goes_back(tmp_path: Path) -> None:
    port = free_port()
    async with tcp_peer(port) as peer, site(tmp_path, bus(port)) as one:
        await until_polled(peer, 2)
        one.offer(1, bus(port))
        await until(lambda: one.settled(1))
        one.offer(2, bus(free_port()))
        await until(lambda: isinstance(one.in_force.kept, OnTrial))
        await until(lambda: one.settled(1))
        await until_polled(peer, 3)
        told = await one.said()
        assert told[-1][:2] == (2, "rolled_back")
        assert "no point gave a value" in told[-1][2]
        assert one.store.load() == one.in_force.kept
        assert [s.name for s in one.running.sources] == ["modbus bus1"]


async def test_when_the_cloud_is_reached_no_more_it_goes_back(tmp_path: Path) -> None:
    port = free_port()
    async with tcp_peer(port) as peer, site(tmp_path, bus(port)) as one:
        await until_polled(peer, 2)
        one.contacts[0] = -1
        one.offer(1, bus(port, points={"humidity": 2}))
        await until(lambda: isinstance(one.in_force.kept, OnTrial))
        await until(lambda: one.settled(None))
        await until_polled(peer, 2)
        assert "the cloud could not be reached" in (await one.said())[-1][2]
        assert [c.number for c in one.in_force.settings.channels] == [1]


async def test_the_same_offer_again_is_acknowledged_and_not_tried_again(tmp_path: Path) -> None:
    port = free_port()
    async with tcp_peer(port) as peer, site(tmp_path, bus(port)) as one:
        await until_polled(peer, 2)
        for _ in range(3):
            one.offer(1, bus(port, points={"humidity": 2}))
            await until(lambda: one.settled(1))
            await until_polled(peer, 1)
        assert await one.said() == [(1, "trial", ""), (1, "applied", "")]
        tables = [
            e for b in await one.bodies() for e in b.events if e.kind == EventKind.POINT_TABLE
        ]
        assert len(tables) == 2


async def test_a_profile_of_its_own_comes_with_the_configuration(tmp_path: Path) -> None:
    port = free_port()
    profile = """\
name = "RS-WS-swapped"
version = 3
title = "clone"
class = "compliance"
[point.temperature]
quantity = "temperature"
table = "holding"
address = 40
decoder = "s16"
exp = -1
"""
    async with tcp_peer(port) as peer, site(tmp_path, bus(port)) as one:
        await until_polled(peer, 1)
        named = {"RS-WS-swapped": profile}
        one.offer(
            1,
            bus(port, name="bus9", profile="RS-WS-swapped", points={"temperature": 9}),
            **named,
        )
        await until(lambda: one.settled(1))
        (channel,) = one.in_force.settings.channels
        assert channel.profile == "RS-WS-swapped@3"
        values = {v for b in await one.bodies() for c, _, _, v, _ in expand(b) if c == 9}
        assert values == {40}


async def test_a_start_after_a_kill_goes_on_with_the_trial_or_the_last_good_one(
    tmp_path: Path,
) -> None:
    port = free_port()
    never = Patience(least_ms=3_600_000)
    async with tcp_peer(port) as peer:
        async with site(tmp_path, bus(port), never) as one:
            await until_polled(peer, 1)
            one.offer(1, bus(port, points={"humidity": 2}))
            await until(lambda: isinstance(one.in_force.kept, OnTrial))
        async with site(tmp_path, bus(port), never) as one:
            assert isinstance(one.in_force.kept, OnTrial)
            assert [c.number for c in one.in_force.settings.channels] == [2]
        async with site(tmp_path, bus(port)) as one:
            await until(lambda: one.settled(1))
        async with site(tmp_path, bus(port)) as one:
            assert (await one.said())[-1] == (1, str(Stage.APPLIED), "")
            assert [c.number for c in one.in_force.settings.channels] == [2]


async def test_a_program_that_ends_three_times_under_a_trial_goes_back(tmp_path: Path) -> None:
    port = free_port()
    never = Patience(least_ms=3_600_000)
    async with tcp_peer(port) as peer, AsyncExitStack():
        async with site(tmp_path, bus(port), never) as one:
            await until_polled(peer, 1)
            one.offer(1, bus(port, points={"humidity": 2}))
            await until(lambda: isinstance(one.in_force.kept, OnTrial))
        seen: list[Callable[[], bool]] = []
        for _ in range(4):
            async with site(tmp_path, bus(port), never) as one:
                seen.append(isinstance(one.in_force.kept, OnTrial))  # type: ignore[arg-type]
        assert seen == [True, True, True, False]
        async with site(tmp_path, bus(port), never) as one:
            assert [c.number for c in one.in_force.settings.channels] == [1]
