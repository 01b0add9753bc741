"""The pages say how many batches are on their way: those that must exist and are not here."""

from dataclasses import replace
from pathlib import Path

from cloud.archive.finding import FindingRecord, encode_finding
from cloud.projections.feed import CommittedRecord
from cloud.projections.traffic import EPOCHS_KEPT, TrafficProjection
from evidence.record import RecordKind
from tests.support.batches import EPOCH, make_body
from tests.support.feeds import batch_record, group_of, other_record

GATEWAY = "gw-demo-01"
OTHER_EPOCH = b"epoch002"


def batches(*seqs: int) -> list[CommittedRecord]:
    return [
        batch_record(i, GATEWAY, make_body(seq=seq, readings=8), recv_ms=1000 + i)
        for i, seq in enumerate(seqs)
    ]


def traffic(folder: Path, *records: CommittedRecord) -> TrafficProjection:
    projection = TrafficProjection(folder / "traffic.db")
    projection.apply(group_of(records))
    return projection


def loss(index: int, lo: int, hi: int, *, is_open: bool = True) -> CommittedRecord:
    finding = FindingRecord(
        kind="loss", gateway=GATEWAY, kid=b"k" * 8, epoch=EPOCH, lo=lo, hi=hi, detail="",
        at_ms=0, open=is_open,
    )  # fmt: skip
    return other_record(index, RecordKind.FINDING, encode_finding(finding), recv_ms=0)


def backlog(projection: TrafficProjection) -> int:
    return projection.gateways[GATEWAY].backlog


def test_a_gateway_that_keeps_what_was_receipted_has_no_backlog(tmp_path: Path) -> None:
    found = traffic(tmp_path, *batches(*range(20)))
    assert backlog(found) == 0
    assert found.counts == {"batches": 20, "readings": 160, "lost": 0}


def test_the_newest_batch_after_a_cut_says_how_many_are_to_come(tmp_path: Path) -> None:
    assert backlog(traffic(tmp_path, *batches(0, 1, 9))) == 7
    assert backlog(traffic(tmp_path / "b", *batches(0, 1, 9, 5, 3))) == 5


def test_what_is_lost_is_not_on_its_way_until_it_comes_after_all(tmp_path: Path) -> None:
    found = traffic(tmp_path, *batches(0, 5), loss(2, 1, 3))
    assert (backlog(found), found.counts["lost"]) == (1, 3)
    late = batch_record(3, GATEWAY, make_body(seq=2))
    found.apply(replace(group_of([late, loss(4, 2, 2, is_open=False)]), first_index=3))
    assert (backlog(found), found.counts["lost"]) == (1, 2)


def test_the_end_of_the_epoch_before_is_known_from_its_successor(tmp_path: Path) -> None:
    body = make_body(epoch=OTHER_EPOCH, parent=(EPOCH, 4), prev=b"p" * 32)
    found = traffic(tmp_path, *batches(0, 1), batch_record(2, GATEWAY, body))
    assert backlog(found) == 3


def test_a_restart_of_the_cloud_remembers(tmp_path: Path) -> None:
    traffic(tmp_path, *batches(0, 1, 9)).close()
    again = TrafficProjection(tmp_path / "traffic.db")
    again.apply(replace(group_of(batches(2)), first_index=3))
    assert backlog(again) == 6


def test_only_the_newest_epochs_of_a_gateway_are_kept(tmp_path: Path) -> None:
    bodies = [make_body(epoch=b"epoch%03d" % i, seq=1) for i in range(EPOCHS_KEPT + 3)]
    records = [batch_record(i, GATEWAY, body) for i, body in enumerate(bodies)]
    assert backlog(traffic(tmp_path, *records)) == EPOCHS_KEPT
