"""The verifier on the outbox that the gateway's own program writes."""

from pathlib import Path

from edge.outbox.outbox import Outbox
from edge.outbox.room import OutboxLimits
from edge.runs import Runs
from evidence.verifier.outbox import verify_outbox
from evidence.verifier.report import Report
from tests.support.archives import ArchiveMaker, trust_of
from tests.support.batches import EPOCH, SignedBatch, chain_of, next_epoch

LIMITS = OutboxLimits(max_bytes=1 << 20, keep_ms=0, segment_bytes=1 << 14)


def opened(folder: Path) -> Outbox:
    return Outbox.open(folder, LIMITS)


def appended(outbox: Outbox, batches: list[SignedBatch]) -> None:
    for batch in batches:
        outbox.append(batch.data, batch.body.epoch, batch.body.seq)


def verified(folder: Path) -> Report:
    return verify_outbox(folder, trust_of(), lambda _: None)


def test_a_gateways_outbox_passes_through_its_whole_life(tmp_path: Path) -> None:
    state, chain = tmp_path / "state", chain_of(60, readings=40)
    maker = ArchiveMaker(tmp_path / "archive")
    maker.batches(chain)
    outbox = opened(state)
    appended(outbox, chain)
    assert verified(state).passed

    outbox.keep_receipt(maker.receipt(EPOCH, 0, 49, 50), (maker.tiles.size, maker.tiles.root()))
    outbox.settle(outbox.numbers(EPOCH, 0, 49))
    outbox.tidy(now_ms=1 << 62)  # long after: receipted segments are freed
    report = verified(state)
    assert report.passed
    assert report.counts["batches"] < 60

    stranger = next_epoch(chain[-1], b"epoch--9")
    number = outbox.append(stranger.data, b"epoch--9", 0)
    outbox.set_aside(number, "field")
    outbox.settle(Runs.of((number,)))
    outbox.close()
    report = verified(state)
    assert report.passed
    assert {str(c.name) for c in report.in_order()} >= {"cursor", "receipts", "refused"}

    outbox = opened(state)
    appended(outbox, [next_epoch(stranger, b"epoch--a")])
    outbox.close()
    report = verified(state)
    assert report.passed
    assert report.findings == []


def test_a_receipt_that_frees_too_much_would_be_named(tmp_path: Path) -> None:
    state, chain = tmp_path / "state", chain_of(5)
    maker = ArchiveMaker(tmp_path / "archive")
    maker.batch(chain[0])
    maker.batch(chain[2])
    outbox = opened(state)
    appended(outbox, chain)
    good, bad = maker.receipt(EPOCH, 2, 2, 2), maker.receipt(EPOCH, 0, 2, 2)
    outbox.keep_receipt(good, (maker.tiles.size, maker.tiles.root()))
    assert verified(state).passed
    outbox.keep_receipt(bad, (maker.tiles.size, maker.tiles.root()))
    outbox.close()
    report = verified(state)
    assert [str(c.name) for c in report.in_order() if not c.passed] == ["receipts"]
