"""What comes down is verified against the batches of this disk, whoever of us signed them."""

from dataclasses import replace
from pathlib import Path

import pytest

from edge.uplink.desk import Desk, Moment
from edge.uplink.events import Receipted
from evidence.keys import SoftwareKey
from tests.support.fake_cloud import FakeCloud
from tests.support.gateway_parts import Bench

NEW_KEY = SoftwareKey(-19, bytes(31) + b"\x07")


@pytest.mark.parametrize(
    ("origin", "takes"),
    [("cloud.test/log", True), ("cloud.test/log/2025", True), ("cloud.test", False)],
)
async def test_a_log_may_be_pinned_with_or_without_its_year(
    tmp_path: Path, origin: str, *, takes: bool
) -> None:
    cloud, bench = FakeCloud(), Bench(tmp_path)
    bench.recorder.begin()
    await bench.store()
    desk = Desk(bench.outbox, replace(cloud.pins(), log_origin=origin))
    number = bench.outbox.unreceipted.first
    assert number is not None
    batch = bench.outbox.read(number)
    assert batch is not None
    answer = desk.take(cloud.take([batch])[-1], Moment(at_ms=0, draw=0.5))
    assert isinstance(answer, Receipted) is takes
    bench.close()


async def test_receipts_of_what_an_earlier_key_signed_still_count(tmp_path: Path) -> None:
    cloud, before = FakeCloud(), Bench(tmp_path)
    before.recorder.begin()
    await before.store()
    before.close()
    after = Bench(tmp_path, key=NEW_KEY)
    desk = Desk(after.outbox, replace(cloud.pins(), kid=NEW_KEY.kid))
    number = after.outbox.unreceipted.first
    assert number is not None
    batch = after.outbox.read(number)
    assert batch is not None
    answer = desk.take(cloud.take([batch])[-1], Moment(at_ms=0, draw=0.5))
    assert isinstance(answer, Receipted)
    assert not after.outbox.unreceipted
    after.close()
