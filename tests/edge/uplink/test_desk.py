"""What comes down is verified against the batches of this disk, whoever of us signed them."""

from dataclasses import replace
from pathlib import Path

from edge.uplink.desk import Desk, Moment
from edge.uplink.events import Receipted
from evidence.keys import SoftwareKey
from tests.support.fake_cloud import FakeCloud
from tests.support.gateway_parts import Bench

NEW_KEY = SoftwareKey(-19, bytes(31) + b"\x07")


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
