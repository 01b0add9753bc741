"""A start from a snapshot is the start from the whole archive, only sooner."""

from pathlib import Path

import pytest

from cloud.archive.snapshot import FILE_NAME, read_snapshot
from tests.support.routes import RecordingRoute
from tests.support.sequencing import Cloud, receipt
from tests.support.signing import SigningGateway


@pytest.fixture
def gateway() -> SigningGateway:
    return SigningGateway()


@pytest.fixture
def cloud(tmp_path: Path, gateway: SigningGateway) -> Cloud:
    return Cloud(tmp_path, [gateway, SigningGateway("gw-demo-02", 2)])


def _history(cloud: Cloud, gateway: SigningGateway) -> None:
    """Everything a chain can remember: gaps, runs, branches, another key."""
    batches = gateway.batches(9)
    cloud.take(*batches[:3], *batches[5:])
    parent = (gateway.epoch, 8)
    for epoch in (2, 3):
        gateway.new_epoch(epoch, parent)
        cloud.take(gateway.batch())
    other = cloud.gateways[1]
    cloud.take(other.batch(), route=RecordingRoute(other.id))


def test_nothing_that_a_snapshot_covers_is_read_for_the_chains(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    _history(cloud, gateway)
    cloud.sequencer.save()
    cloud.take(gateway.batch())
    before = cloud.sequencer.ledger.chains
    cloud.restart()
    assert cloud.sequencer.applied_at_start == 1
    assert cloud.sequencer.ledger.chains == before


def test_a_snapshot_is_written_when_a_segment_is_full(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    values = [500 + i % 7 * 300 for i in range(6_000)]
    for _ in range(12):
        cloud.take(*[gateway.batch(values) for _ in range(10)])
    assert len(list((cloud.archive / "records").glob("*.seg"))) > 1
    before = cloud.sequencer.ledger.chains
    cloud.restart()
    assert 0 < cloud.sequencer.applied_at_start < 120
    assert cloud.sequencer.ledger.chains == before
    (answer,) = cloud.take(gateway.sent[gateway.epoch, 3])
    assert receipt(answer, gateway).runs == ((gateway.epoch, 0, 3),)
    assert cloud.verify().passed


@pytest.mark.parametrize("damage", [b"", b"x", None])
def test_a_damaged_snapshot_costs_time_and_nothing_else(
    cloud: Cloud, gateway: SigningGateway, damage: bytes | None
) -> None:
    _history(cloud, gateway)
    cloud.sequencer.save()
    before = cloud.sequencer.ledger.chains
    file = cloud.folder / FILE_NAME
    data = file.read_bytes()
    file.write_bytes(data.replace(b'"lo', b'"1o') if damage is None else damage)
    cloud.restart()
    assert cloud.sequencer.applied_at_start == 10
    assert cloud.sequencer.ledger.chains == before


def test_a_snapshot_of_another_archive_is_not_believed(
    tmp_path: Path, gateway: SigningGateway
) -> None:
    one = Cloud(tmp_path / "one", [gateway])
    _history_of_one(one, gateway)
    one.sequencer.save()
    two = Cloud(tmp_path / "two", [SigningGateway()])
    two.gateways[0].start_ms += 1
    _history_of_one(two, two.gateways[0])
    (tmp_path / "two" / FILE_NAME).write_bytes((tmp_path / "one" / FILE_NAME).read_bytes())
    assert read_snapshot(tmp_path / "two") is not None
    two.restart()
    assert two.sequencer.applied_at_start == 3


def test_a_snapshot_spans_the_logs_of_several_years(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    old = gateway.batch()
    cloud.take(old)
    cloud.hands.pass_s(366 * 86_400)
    cloud.take(gateway.batch())
    cloud.sequencer.save()
    cloud.take(gateway.batch())
    before = cloud.sequencer.ledger.chains
    cloud.restart()
    assert cloud.sequencer.applied_at_start == 1
    assert cloud.sequencer.ledger.chains == before
    (answer,) = cloud.take(old)
    assert receipt(answer, gateway).runs == ((gateway.epoch, 0, 0),)


def _history_of_one(cloud: Cloud, gateway: SigningGateway) -> None:
    cloud.folder.mkdir(exist_ok=True)
    cloud.take(*gateway.batches(3))
