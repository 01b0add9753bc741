"""Does what a new configuration asks for: exchanges sources, watches the trial, goes back.

    offer --checked--> kept on disk --> sources exchanged --> trial --> applied | rolled back

Used by `gateway_firmware_py.compose`. What is decided is durable before it is done; what a
gateway is asked to do and what became of it is said in its STATE events. An offer that cannot
be used disturbs nothing. While a trial is on, the cloud's next offer has to come again.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from edge.clock import Clock
from edge.disk_thread import DiskThread
from edge.errors import SourceConfigError
from edge.recorder.recorder import Recorder
from evidence.configuration import ConfigurationDocument, Standing
from evidence.errors import EvidenceError
from gateway_firmware_py.channel_ledger import check_channels
from gateway_firmware_py.config.read import reconfigured
from gateway_firmware_py.config.settings import Settings
from gateway_firmware_py.configuring.starting import Beginning, usable
from gateway_firmware_py.configuring.store import ConfigurationStore, version_of
from gateway_firmware_py.configuring.trial import (
    Before,
    Kept,
    OnTrial,
    Patience,
    Say,
    Seen,
    Settled,
    Version,
    begin,
    consider,
    judge,
    refuse,
    standing,
)
from gateway_firmware_py.errors import ConfigError
from gateway_firmware_py.running import RunningSources
from gateway_firmware_py.sources import Source

log = logging.getLogger(__name__)

LOOK_S = 0.5
HEARD_WITHIN_MS = 900_000
"""What has given a value so lately was being polled."""
SAY_AGAIN_MS = 60_000
"""The cloud asks again until it has heard; a batch that is on its way need not be doubled."""
LEAST_POLL_MS, MOST_POLL_MS = 30_000, 900_000
PERIODS = 3


@dataclass(slots=True)
class InForce:
    """By what the gateway runs; `saying`, if any, is what the next STATE event is about."""

    settings: Settings
    kept: Kept
    saying: Standing | None = None

    @classmethod
    def of(cls, beginning: Beginning) -> "InForce":
        """Return what is in force at the start."""
        return cls(beginning.settings, beginning.kept)

    @property
    def standing(self) -> Standing | None:
        """Return what a STATE event says of the configuration."""
        return self.saying or standing(self.kept)


def patience_for(settings: Settings) -> Patience:
    """Return how long a trial under `settings` waits; sensors that sleep take their time."""
    periods = [device.period_ms for bus in settings.buses for device in bus.devices]
    if settings.mqtt or not periods:
        return Patience(poll_ms=MOST_POLL_MS)
    wanted_ms = max(LEAST_POLL_MS, PERIODS * min(periods))
    return Patience(poll_ms=min(wanted_ms, MOST_POLL_MS))


@dataclass(slots=True, kw_only=True)
class ConfiguringParts:
    """What applying works with; `base` is what the file says.

    `build` makes the sources of settings that take over; `contacts` counts the receipts.
    """

    base: Settings
    store: ConfigurationStore
    disk: DiskThread
    clock: Clock
    recorder: Recorder
    build: Callable[[Settings], list[Source]]
    contacts: Callable[[], int]
    patience: Callable[[Settings], Patience] = patience_for


class Configurator:
    """Takes offers on the event loop and sees each through."""

    def __init__(self, parts: ConfiguringParts, in_force: InForce) -> None:
        self._parts = parts
        self._in_force = in_force
        self._offer: ConfigurationDocument | None = None
        self._offered = asyncio.Event()
        self._said: tuple[Standing, int] | None = None
        self._since_ms = parts.clock.mono_ms()
        self._contacts = parts.contacts()

    @property
    def status(self) -> Mapping[str, object]:
        """Return which version is in force and how far it is; version 0 is the file's own."""
        said = self._in_force.standing
        if said is None:
            return {"version": 0, "stage": "", "reason": ""}
        return {"version": said.version, "stage": str(said.stage), "reason": said.reason}

    def offer(self, document: ConfigurationDocument) -> None:
        """Take a verified offer; of several that come at once the last counts."""
        self._offer = document
        self._offered.set()

    async def run(self, running: RunningSources) -> None:
        """Apply what is offered, until cancelled."""
        while True:
            await self._wait()
            offer, self._offer = self._offer, None
            try:
                if offer is not None:
                    await self._consider(offer, running)
                if isinstance(self._in_force.kept, OnTrial):
                    await self._judge(self._in_force.kept, running)
            except EvidenceError as error:
                log.warning("the configuration stays as it is: %s", error)

    async def _wait(self) -> None:
        """Wait for an offer, and during a trial not for long."""
        on_trial = isinstance(self._in_force.kept, OnTrial)
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S if on_trial else None):
                await self._offered.wait()
        self._offered.clear()

    async def _consider(self, offer: ConfigurationDocument, running: RunningSources) -> None:
        version, kept = version_of(offer), self._in_force.kept
        answer = consider(kept, version)
        if isinstance(answer, Say) or isinstance(kept, OnTrial):
            if isinstance(answer, Say):
                self._say(answer.standing)
            return
        try:
            settings = reconfigured(self._parts.base, offer)
            sources = self._parts.build(settings)
            ledger = settings.identity.state_dir / "channels.json"
            await self._parts.disk.run(check_channels, ledger, settings.channels)
        except (ConfigError, SourceConfigError) as error:
            await self._refuse(kept, version, str(error))
            return
        log.info("configuration %d is tried", version.number)
        trial = begin(kept, version, Before(polled=self._polls(), linked=True))
        await self._parts.disk.run(self._parts.store.put, offer)
        await self._parts.disk.run(self._parts.store.save, trial)
        await self._exchange(settings, trial, sources, running)

    async def _refuse(self, kept: Settled, version: Version, reason: str) -> None:
        log.warning("configuration %d is refused: %s", version.number, reason)
        refused = refuse(kept, version, reason)
        await self._parts.disk.run(self._parts.store.save, refused)
        self._in_force.kept = refused
        if refused.refused is not None:
            self._say(refused.refused)

    async def _judge(self, trial: OnTrial, running: RunningSources) -> None:
        parts, heard_ms = self._parts, self._parts.recorder.heard_ms
        seen = Seen(
            polled=heard_ms is not None and heard_ms > self._since_ms,
            linked=parts.contacts() > self._contacts,
            after_ms=parts.clock.mono_ms() - self._since_ms,
        )
        kept = judge(trial, seen, parts.patience(self._in_force.settings))
        if not isinstance(kept, Settled):
            return
        await parts.disk.run(parts.store.save, kept)
        if kept.current == trial.version:
            log.info("configuration %d is applied", trial.version.number)
            self._in_force.kept = kept
            parts.recorder.tell_state()
        else:
            await self._go_back(trial, kept, running)

    async def _go_back(self, trial: OnTrial, kept: Settled, running: RunningSources) -> None:
        refused = kept.refused
        reason = refused.reason if refused is not None else ""
        log.warning("configuration %d is rolled back: %s", trial.version.number, reason)
        parts = self._parts
        before = await parts.disk.run(usable, parts.base, parts.store, kept)
        sources = parts.build(before.settings)
        await self._exchange(before.settings, before.kept, sources, running)
        if refused is not None:
            self._say(refused)

    async def _exchange(
        self, settings: Settings, kept: Kept, sources: list[Source], running: RunningSources
    ) -> None:
        def between() -> None:
            self._in_force.settings, self._in_force.kept = settings, kept
            self._parts.recorder.adopt(settings.channels, settings.judged, settings.seal)

        await running.exchange(sources, between)
        self._since_ms = self._parts.clock.mono_ms()
        self._contacts = self._parts.contacts()

    def _polls(self) -> bool:
        heard_ms = self._parts.recorder.heard_ms
        now_ms = self._parts.clock.mono_ms()
        return heard_ms is not None and now_ms - heard_ms <= HEARD_WITHIN_MS

    def _say(self, said: Standing) -> None:
        """Tell the cloud of one version, in a batch of its own, and not too often the same."""
        now_ms = self._parts.clock.mono_ms()
        before, at_ms = self._said or (None, 0)
        if before == said and now_ms - at_ms < SAY_AGAIN_MS:
            return
        self._said = (said, now_ms)
        self._in_force.saying = said
        self._parts.recorder.tell_state()
        self._in_force.saying = None
