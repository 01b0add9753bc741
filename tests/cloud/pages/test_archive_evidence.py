"""The evidence of a reading out of a real archive: every step of its proof passes."""

from pathlib import Path

import pytest

from cloud.errors import UnavailableError
from cloud.pages.archive_evidence import ArchiveEvidence, LogKey
from cloud.pages.batch_times import BatchTimes
from cloud.pages.proofs import proof_view
from dashboards.models import ProofView
from tests.support.routes import RecordingRoute
from tests.support.sequencing import LOG_KEY, LOG_NAME, Cloud
from tests.support.signing import T0_MS, SigningGateway, registry_of


class Setting:
    """A cloud with two gateways, its batch times, and the finder over both."""

    def __init__(self, folder: Path) -> None:
        self.gateway = SigningGateway()
        self.other = SigningGateway("gw-other-1", number=2)
        self.cloud = Cloud(folder, [self.gateway, self.other])
        self.times = BatchTimes(folder / "times.sqlite")
        self.cloud.sequencer.listeners.append(self.times.apply)
        key = LogKey(signer=LOG_KEY, public=LOG_KEY.public, now_s=lambda: 1_763_800_000)
        registry = registry_of(self.gateway, self.other)
        self.finder = ArchiveEvidence(self.cloud.stream, self.times, registry, key)

    def proof(self, t_ms: int, channel: int = 1) -> ProofView | None:
        found = self.finder.find(self.gateway.id, channel, t_ms)
        if found is None:
            return None
        evidence, pinned = found
        return proof_view(evidence, pinned, channel, t_ms)


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(tmp_path)


def test_every_step_passes_for_a_reading_of_the_archive(setting: Setting) -> None:
    for mine, theirs in zip(setting.gateway.batches(5), setting.other.batches(5), strict=True):
        setting.cloud.take(mine, theirs)
    view = setting.proof(T0_MS + 2 * 60_000 + 10_000)
    assert view is not None
    assert [(check.name, check.ok) for check in view.checks] == [
        ("signature", True),
        ("chain", True),
        ("inclusion", True),
        ("receipt", True),
        ("checkpoint", True),
    ]
    assert (view.seq, view.value, view.reading_ms) == (2, 5.01, T0_MS + 130_000)
    assert view.log_origin.startswith(LOG_NAME)
    assert view.gateway == setting.gateway.id


def test_a_time_between_readings_is_proven_by_the_reading_before_it(setting: Setting) -> None:
    setting.cloud.take(*setting.gateway.batches(3))
    view = setting.proof(T0_MS + 60_000 + 59_999)
    assert view is not None
    assert (view.seq, view.reading_ms) == (1, T0_MS + 80_000)


def test_before_a_checkpoint_covers_it_there_is_no_proof(setting: Setting) -> None:
    cloud, route = setting.cloud, RecordingRoute(setting.gateway.id)
    for data in setting.gateway.batches(2):
        cloud.deliver(data, route=route)
        cloud.sequencer.step()
    assert setting.proof(T0_MS + 70_000) is None
    cloud.hands.pass_s(1)
    cloud.sequencer.step()
    view = setting.proof(T0_MS + 70_000)
    assert view is not None
    assert view.seq == 1


def test_what_nobody_measured_has_no_proof(setting: Setting) -> None:
    setting.cloud.take(*setting.gateway.batches(2))
    assert setting.proof(T0_MS - 1) is None
    assert setting.proof(T0_MS, channel=9) is None


def test_a_damaged_archive_is_said_to_be_unavailable(setting: Setting) -> None:
    setting.cloud.take(*setting.gateway.batches(2))
    (setting.cloud.archive / "log" / "checkpoint").unlink()
    with pytest.raises(UnavailableError, match="the archive cannot be read now"):
        setting.proof(T0_MS + 60_000)
