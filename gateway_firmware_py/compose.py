"""The composition root of the gateway: the only place where its parts are made and joined.

    sources --> recorder (judge, sealer) --> writer + outbox (disk thread) --> uplink

`run_gateway` runs until `stop` is set, then ends in order: sources, seal, make durable, give
the uplink some seconds, close. An error in a part of the core ends the program; systemd begins
it anew, and a new epoch with it.
"""

import asyncio
import logging
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version

from edge.annunciator import AllAnnunciators, Annunciator, LedAnnunciator, LogAnnunciator
from edge.clock import Clock
from edge.disk_thread import DiskThread
from edge.judge.judge import LocalJudge
from edge.outbox.outbox import Outbox
from edge.recorder.recorder import Recorder, RecorderParts
from edge.recorder.writer import BatchWriter, Identity, Written
from edge.uplink import window
from edge.uplink.desk import Desk, Pins
from edge.uplink.session import Uplink, UplinkParts
from evidence.errors import EvidenceError
from evidence.point_table import table_hash
from gateway_firmware_py.channel_ledger import check_channels
from gateway_firmware_py.clock import FixedSyncClock, SystemClock, count_boot
from gateway_firmware_py.config.settings import Settings
from gateway_firmware_py.configuring.applying import Configurator, ConfiguringParts, InForce
from gateway_firmware_py.configuring.starting import Beginning, begin_by_kept
from gateway_firmware_py.configuring.store import ConfigurationStore
from gateway_firmware_py.enrolment.upkeep import keep_enrolled
from gateway_firmware_py.identity import EvidenceKey, key_kind, load_key, make_state_dir
from gateway_firmware_py.running import RunningSources, end_tasks
from gateway_firmware_py.sources import Source, all_sources
from gateway_firmware_py.status_file import Facts, StatusFile, rss_kib
from gateway_firmware_py.supervisor import Supervisor
from gateway_firmware_py.ways import ways_to_cloud

log = logging.getLogger(__name__)

HOUSE_PERIOD_S = 1.0
TIDY_MS = 3_600_000
MIB = 1 << 20


def software_version() -> str:
    """Return the version of this program."""
    try:
        return version("coldwarden")
    except PackageNotFoundError:
        return "unknown"


async def run_gateway(settings: Settings, supervisor: Supervisor, stop: asyncio.Event) -> None:
    """Run a gateway until `stop` is set.

    Raises:
        IdentityError: the key cannot be used.
        ConfigError: a channel would change its meaning.
        EvidenceError: the outbox cannot be opened.
        SourceConfigError: a source cannot work as configured.
        DiskRefusedError: the state directory cannot be made.
    """
    make_state_dir(settings.identity.state_dir)
    store = ConfigurationStore(settings.identity.state_dir)
    base, beginning = settings, begin_by_kept(settings, store)
    settings = beginning.settings
    check_channels(settings.identity.state_dir / "channels.json", settings.channels)
    clock = _clock(settings)
    key = load_key(settings.identity.key)
    disk = DiskThread()
    try:
        outbox = await disk.run(Outbox.open, settings.identity.state_dir, settings.outbox)
        try:
            desk = Desk(outbox, _pins(settings, key))
            # Before the uplink asks what is to be sent: kept receipts may know of more.
            await disk.run(desk.replay)
            stored = Stored(disk=disk, outbox=outbox, desk=desk, configurations=store)
            parts = _join(Given(base=base, beginning=beginning), clock, key, stored)
            await Gateway(settings, parts, supervisor).run(stop)
        finally:
            await disk.run(outbox.close)
    finally:
        disk.close()


def _clock(settings: Settings) -> Clock:
    boot = count_boot(settings.identity.state_dir)
    return FixedSyncClock(boot) if settings.clock_vouched else SystemClock(boot)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The outbox, open, and what belongs to the disk thread with it."""

    disk: DiskThread
    outbox: Outbox
    desk: Desk
    configurations: ConfigurationStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the file says, and what is in force at the start."""

    base: Settings
    beginning: Beginning


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a running gateway is made of."""

    clock: Clock
    key: EvidenceKey
    stored: Stored
    recorder: Recorder
    uplink: Uplink
    sources: list[Source]
    configurator: Configurator


def _join(given: Given, clock: Clock, key: EvidenceKey, stored: Stored) -> Parts:
    in_force = InForce.of(given.beginning)
    settings = in_force.settings
    identity = settings.identity
    config = table_hash(settings.channels)
    who = Identity(gateway=identity.gateway, site=identity.site, config=config)
    writer = BatchWriter(stored.outbox, key, key.public, who)
    kind = key_kind(key)
    uplinks: list[Uplink] = []  # the recorder feeds it, and it asks the recorder for epochs

    def on_written(written: Written) -> None:
        for uplink in uplinks:
            uplink.sealed(written)

    recorder = Recorder(
        RecorderParts(
            clock=clock,
            judge=LocalJudge(settings.judged, clock.mono_ms()),
            annunciator=_annunciator(settings),
            channels=settings.channels,
            state_body=lambda dropped: _state_body(in_force, clock, kind, dropped),
            writer=writer,
            disk=stored.disk,
            on_written=on_written,
            policy=settings.seal,
        )
    )
    configurator = Configurator(
        ConfiguringParts(
            base=given.base,
            store=stored.configurations,
            disk=stored.disk,
            clock=clock,
            recorder=recorder,
            build=lambda wanted: all_sources(wanted, recorder, clock, at_once=True),
            contacts=lambda: stored.desk.counts["receipted"],
        ),
        in_force,
    )
    uplink = Uplink(
        UplinkParts(
            clock=clock,
            disk=stored.disk,
            desk=stored.desk,
            ways=ways_to_cloud(settings),
            open_epoch=recorder.open_epoch,
            configure=configurator.offer,
            policy=settings.uplink.policy,
        ),
        window.start(settings.uplink.policy, stored.outbox.unreceipted),
    )
    uplinks.append(uplink)
    return Parts(
        clock=clock,
        key=key,
        stored=stored,
        recorder=recorder,
        uplink=uplink,
        sources=all_sources(settings, recorder, clock),
        configurator=configurator,
    )


def _pins(settings: Settings, key: EvidenceKey) -> Pins:
    trust = settings.trust
    return Pins(
        gateway=settings.identity.gateway,
        kid=key.kid,
        log_origin=trust.log_origin,
        log_key=trust.log_key,
        control_key=trust.control_key,
    )


def _annunciator(settings: Settings) -> Annunciator:
    if settings.annunciator_led is None:
        return LogAnnunciator()
    return AllAnnunciators([LogAnnunciator(), LedAnnunciator(settings.annunciator_led)])


def _state_body(
    in_force: InForce, clock: Clock, kind: str, dropped: Mapping[str, int]
) -> Mapping[int, object]:
    """Return the STATE event: what this gateway is and how it is doing."""
    settings, standing = in_force.settings, in_force.standing
    free = shutil.disk_usage(settings.identity.state_dir).free
    return {
        1: software_version(),
        2: table_hash(settings.channels),
        3: clock.boot,
        4: free // MIB,
        5: kind,
        6: dict(dropped),
        **(standing.fields if standing is not None else {}),
    }


class Gateway:
    """The running parts, their housekeeping, and the order of the end."""

    def __init__(self, settings: Settings, parts: Parts, supervisor: Supervisor) -> None:
        self._settings = settings
        self._parts = parts
        self._grace_s = settings.uplink.stop_grace_s
        self._supervisor = supervisor
        self._status = StatusFile(settings.status_file)
        self._started_ms = parts.clock.mono_ms()
        self._tidied_ms = self._started_ms
        self._petted_ms = self._started_ms
        self._running: RunningSources | None = None

    @property
    def _sources(self) -> list[Source]:
        return self._running.sources if self._running is not None else []

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set and everything ended in order."""
        parts = self._parts
        parts.recorder.begin()
        async with asyncio.TaskGroup() as group:
            core = [
                group.create_task(parts.recorder.run(), name="recorder"),
                group.create_task(parts.uplink.run(), name="uplink"),
                group.create_task(self._keep_house(), name="house"),
                group.create_task(
                    keep_enrolled(self._settings, parts.key, lambda: self._begin_again(stop)),
                    name="enrolment",
                ),
            ]
            running = self._running = RunningSources(group)
            running.start(parts.sources)
            applying = group.create_task(parts.configurator.run(running), name="configuration")
            self._supervisor.ready()
            await stop.wait()
            self._supervisor.stopping()
            await end_tasks([applying])
            await running.end()
            await self._finish()
            await end_tasks(core)

    def _begin_again(self, stop: asyncio.Event) -> None:
        """End in order and at once: whatever begins the program again sends what waits."""
        self._grace_s = 0.0
        stop.set()

    async def _finish(self) -> None:
        """Make everything durable, and give the uplink a little time to bring it home."""
        await self._parts.recorder.flush()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._grace_s):
                await self._parts.uplink.drained()
        await self._write_status(self._parts.clock.mono_ms())

    async def _keep_house(self) -> None:
        while True:
            now_ms = self._parts.clock.mono_ms()
            if self._status.may_be_due(now_ms) and self._status.is_due(self._facts(), now_ms):
                await self._write_status(now_ms)
            if now_ms - self._tidied_ms >= TIDY_MS:
                self._tidied_ms = now_ms
                await self._tidy()
            self._pet(now_ms)
            await asyncio.sleep(HOUSE_PERIOD_S)

    async def _tidy(self) -> None:
        try:
            stored = self._parts.stored
            await stored.disk.run(stored.outbox.tidy, self._parts.clock.wall_ms())
        except EvidenceError as error:
            log.warning("the outbox cannot be tidied: %s", error)

    def _pet(self, now_ms: int) -> None:
        every_s = self._supervisor.pet_every_s
        if every_s is not None and now_ms - self._petted_ms >= every_s * 1000:
            self._petted_ms = now_ms
            uplink = self._parts.uplink.status
            self._supervisor.alive(f"link {uplink.link}, {uplink.waiting} batches wait")

    def _facts(self) -> Facts:
        recorder, uplink = self._parts.recorder, self._parts.uplink.status
        up = [source.is_up() for source in self._sources]
        return (
            uplink.link,
            uplink.way,
            uplink.last_error,
            recorder.batches,
            recorder.alarms,
            recorder.trouble,
            *up,
        )

    async def _write_status(self, now_ms: int) -> None:
        facts = self._facts()
        stored = self._parts.stored
        outbox = await stored.disk.run(stored.outbox.status)
        status = {**self._about(now_ms), "outbox": asdict(outbox)}
        try:
            self._status.write(status, facts, now_ms)
        except OSError as error:
            log.warning("the status file cannot be written: %s", error)

    def _about(self, now_ms: int) -> dict[str, object]:
        parts, identity = self._parts, self._settings.identity
        recorder = parts.recorder
        sync, err_ms = parts.clock.sync()
        return {
            "schema": 1,
            "gateway": identity.gateway,
            "site": identity.site,
            "version": software_version(),
            "at_ms": parts.clock.wall_ms(),
            "pid": os.getpid(),
            "boot": parts.clock.boot,
            "uptime_s": (now_ms - self._started_ms) // 1000,
            "rss_kib": rss_kib(),
            "clock": {"sync": sync, "err_ms": err_ms},
            "configuration": parts.configurator.status,
            "recorder": {
                "unsealed": recorder.unsealed,
                "batches": recorder.batches,
                "readings": recorder.readings,
                "dropped": dict(recorder.dropped),
                "alarms": recorder.alarms,
                "trouble": recorder.trouble,
            },
            "uplink": {
                **asdict(parts.uplink.status),
                "messages": dict(parts.stored.desk.counts),
            },
            "sources": {source.name: source.status() for source in self._sources},
        }
