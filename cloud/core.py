"""What takes batches and orders them, put together: the part that every command shares.

Made by `cloud.compose`. `start` and `stop` are called once each, or by `with`.
"""

import time
from dataclasses import dataclass
from typing import Self

from cloud.archive.finding import FindingRecord
from cloud.archive.reader import StreamReader
from cloud.archive.restoring import Restoring
from cloud.archive.sequencer import Sequencer, Surroundings
from cloud.archive.stream import Stream
from cloud.config import Config
from cloud.daily_rounds import DailyRounds
from cloud.ingest.answers import Answers
from cloud.ingest.delivery import Checked
from cloud.ingest.intake import Intake, Outlets
from cloud.ingest.keyring import Keyring
from cloud.ingest.quarantine import Quarantine
from cloud.ingest.rejections import Rejections
from cloud.registry_log.shipping import Shipping
from cloud.registry_watch import RegistryWatch
from device_registry.registry import Registry
from device_registry.serving.stored import StoredRegistry
from evidence.keys import SoftwareKey
from evidence.trust import Trust, TrustedGateway, write_trust


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The server's private keys, never shared: one for the log, one for control messages."""

    log: SoftwareKey
    control: SoftwareKey


def wall_ms() -> int:
    """Return the time, Unix ms."""
    return time.time_ns() // 1_000_000


def trust_of(stream: Stream, registry: Registry, keys: Keys) -> Trust:
    """Return what an auditor of this server pins."""
    return Trust(
        logs={log.manifest.origin: keys.log.public for log in stream.logs},
        control=keys.control.public,
        gateways=tuple(
            TrustedGateway(id=gateway.id, site=gateway.site, keys=gateway.keys)
            for gateway in registry.gateways
            if gateway.keys
        ),
    )


class Core:
    """See the module."""

    def __init__(
        self, config: Config, registry: StoredRegistry, keys: Keys, stream: Stream
    ) -> None:
        self.config = config
        self.registry = registry
        self.store = registry.store
        self.keys = keys
        self.stream = stream
        self.reader = StreamReader(stream)
        self.keyring = Keyring(registry)
        self.answers = Answers(keys.control, self.keyring)
        self.quarantine = Quarantine(config.state_dir / "quarantine")
        self.rejections = Rejections(self.quarantine, self.answers, self._report, wall_ms)
        self.intake = Intake(
            self.keyring,
            Outlets(checked=self._put, rejected=self.rejections.take),
        )
        self.watch = RegistryWatch(registry, self._pin)
        self.sequencer = Sequencer(
            stream,
            Restoring(config.state_dir, config.policy.restore_quorum),
            Surroundings(
                answers=self.answers,
                refused=self.rejections.take,
                release=self.intake.release,
                gateways=lambda: self.watch.gateway_count,
                log_begun=self.watch.pin_soon,
                state_dir=config.state_dir,
                wall_ms=wall_ms,
                mono_s=time.monotonic,
            ),
        )
        self.registry_log = Shipping(
            self.store, stream, self.sequencer.record, config.state_dir
        )
        self.sequencer.listeners.append(self.registry_log.offer)
        registry.listeners.append(self.keyring.forget)
        registry.listeners.append(lambda _: self.registry_log.wake())
        self.rounds = DailyRounds(self.store, wall_ms)
        self._pin()

    def start(self) -> None:
        """Begin to take batches."""
        self.registry_log.start()
        self.sequencer.start()
        self.intake.start()
        self.watch.start()
        self.rounds.start()

    def stop(self) -> None:
        """Finish what was taken, publish a last checkpoint, let go of the files."""
        self.rounds.stop()
        self.intake.stop()
        self.registry_log.stop()
        self.sequencer.stop()
        self.watch.stop()
        self.close()

    def close(self) -> None:
        """Let go of the files; enough for a core that was never started."""
        self.quarantine.close()
        self.stream.close()
        self.store.close()

    # Intake and rejections are made before the sequencer, which they hand work to.

    def _put(self, checked: list[Checked]) -> None:
        self.sequencer.put(checked)

    def _pin(self) -> None:
        """Write what auditors pin."""
        write_trust(self.config.trust_dir, trust_of(self.stream, self.registry, self.keys))

    def _report(self, found: FindingRecord) -> None:
        self.sequencer.report(found)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
