"""The verifier on a gateway's outbox: batches, receipts, refused batches."""

from pathlib import Path

from evidence.receipt import ReceiptSigner, Run
from evidence.segment_log import SegmentLog
from evidence.verifier.outbox import verify_outbox
from evidence.verifier.report import Report
from tests.support.archives import LOG_KEY, ORIGIN, ArchiveMaker, make_outbox, trust_of
from tests.support.batches import (
    EPOCH,
    GATEWAY,
    KEY,
    SignedBatch,
    chain_of,
    make_batch,
    next_batch,
    next_epoch,
)


def verified(folder: Path) -> Report:
    return verify_outbox(folder, trust_of(), lambda _: None)


def failed(report: Report) -> dict[str, str]:
    return {
        str(check.name): f"{check.first.message} | {check.first.place}"
        for check in report.in_order()
        if check.first is not None
    }


def receipts_for(folder: Path, chain: list[SignedBatch], *his: int) -> list[bytes]:
    maker = ArchiveMaker(folder)
    maker.batches(chain)
    maker.close()
    return [maker.receipt(EPOCH, 0, hi, hi + 1) for hi in his]


def test_an_honest_outbox_passes(tmp_path: Path) -> None:
    chain = chain_of(12, readings=16)
    receipts = receipts_for(tmp_path / "archive", chain, 4, 11)
    chain.append(next_epoch(chain[-1], b"epoch--2"))
    refused = make_batch(epoch=b"epoch--9")
    make_outbox(tmp_path / "state", chain, receipts, [refused])
    report = verified(tmp_path / "state")
    assert failed(report) == {}
    assert report.counts["batches"] == 13
    assert {str(c.name): c.examined for c in report.in_order()}["receipts"] == 2


def test_an_outbox_whose_oldest_batches_were_freed_passes(tmp_path: Path) -> None:
    chain = chain_of(90, readings=16)
    receipts = receipts_for(tmp_path / "archive", chain, 4, 89)
    make_outbox(tmp_path / "state", chain, receipts)
    with SegmentLog.open(tmp_path / "state/outbox", segment_bytes=1 << 14) as log:
        assert log.drop_before(80) > 0
    report = verified(tmp_path / "state")
    assert failed(report) == {}
    assert report.findings == []
    assert report.counts["receipts of freed batches"] == 1


def test_an_empty_outbox_passes(tmp_path: Path) -> None:
    make_outbox(tmp_path / "state", [])
    assert verified(tmp_path / "state").passed


def test_a_batch_that_was_edited_and_signed_by_nobody_is_named(tmp_path: Path) -> None:
    chain = chain_of(3)
    spoiled = chain[1].data[:-1] + bytes([chain[1].data[-1] ^ 1])
    chain[1] = SignedBatch(data=spoiled, body=chain[1].body, sha256=chain[1].sha256)
    make_outbox(tmp_path / "state", chain)
    said = failed(verified(tmp_path / "state"))
    assert f"gateway {GATEWAY}, epoch {EPOCH.hex()}, seq 1" in said["batches"]


def test_a_batch_that_does_not_follow_is_named(tmp_path: Path) -> None:
    chain = chain_of(2)
    make_outbox(tmp_path / "state", [*chain, next_batch(chain[-1], prev=bytes(32))])
    said = failed(verified(tmp_path / "state"))
    assert set(said) == {"chains"}
    assert "seq 2" in said["chains"]


def test_a_receipt_by_another_key_or_of_other_batches_is_named(tmp_path: Path) -> None:
    chain = chain_of(3)
    (good,) = receipts_for(tmp_path / "archive", chain, 2)
    forged = ReceiptSigner(ORIGIN, KEY).checkpoint(2, bytes(32), 1)
    bad = forged.receipt([Run(EPOCH, 0, 1, 1, [bytes(32)])])
    stranger = ReceiptSigner("example.org/log/1999", LOG_KEY).checkpoint(2, bytes(32), 1)
    worse = stranger.receipt([Run(EPOCH, 0, 1, 1, [bytes(32)])])
    for number, receipts in enumerate(([bad, good], [good, worse], [good[:-1]])):
        folder = tmp_path / f"state-{number}"
        make_outbox(folder, chain, receipts)
        said = failed(verified(folder))
        assert set(said) == {"receipts"}
        assert "receipts/0000000000000000.seg" in said["receipts"]


def test_a_refused_batch_under_another_name_is_named(tmp_path: Path) -> None:
    make_outbox(tmp_path / "state", chain_of(1), refused=[make_batch(epoch=b"epoch--9")])
    path = next((tmp_path / "state/refused").iterdir())
    path.rename(path.with_name(path.name.replace("-000000000000-", "-000000000001-")))
    said = failed(verified(tmp_path / "state"))
    assert set(said) == {"refused"}


def test_an_unknown_file_beside_the_batches_is_named(tmp_path: Path) -> None:
    make_outbox(tmp_path / "state", chain_of(1))
    (tmp_path / "state/outbox/note").touch()
    assert "outbox/note" in failed(verified(tmp_path / "state"))["files"]
