"""The index of a closed segment: finds every batch, and says nothing else."""

import random
from pathlib import Path

import pytest

from evidence.errors import CorruptError
from evidence.index import IndexBuilder, SegmentIndex, derive_index, ensure_index, index_path
from evidence.record import (
    Record,
    RecordKind,
    batch_record,
    decode_record,
    encode_record,
    genesis_record,
)
from evidence.segment_log import SegmentLog

EPOCHS = [bytes([n]) * 8 for n in (7, 200, 3)]
KIDS = [b"gateway2", b"gateway1"]


def records(count: int) -> list[Record]:
    rng = random.Random(1)
    made = [genesis_record("example.org/log/2026", 1000)]
    seqs: dict[tuple[bytes, bytes], int] = {}
    while len(made) < count:
        at_ms = 1000 + rng.randrange(500)
        if rng.random() < 0.2:
            salt = rng.randbytes(16)
            made.append(Record(len(made), RecordKind.ALARM, at_ms, "local", b"!", (salt,)))
            continue
        key = (rng.choice(KIDS), rng.choice(EPOCHS))
        seq = seqs[key] = seqs.get(key, 254) + 1
        made.append(batch_record(len(made), at_ms, "https", bytes(60), (*key, seq, 255)))
    return made


@pytest.fixture
def log(tmp_path: Path) -> SegmentLog:
    log = SegmentLog.open(tmp_path, segment_bytes=4096)
    for record in records(150):
        log.append(encode_record(record))
    log.sync()
    return log


def test_every_batch_is_found_where_it_lies_and_no_other(log: SegmentLog) -> None:
    segment, following = log.closed_segments[1:3]
    index = ensure_index(segment, following.first_seq)
    held = [
        decode_record(payload)
        for at, payload in log.scan(segment.first_seq)
        if at.seq < following.first_seq
    ]
    found = 0
    for record in records(150):
        if record.kind != RecordKind.BATCH:
            continue
        kid, epoch, seq, _ = record.extra
        assert isinstance(kid, bytes)
        assert isinstance(epoch, bytes)
        assert isinstance(seq, int)
        at = index.find(kid, epoch, seq)
        assert (at is not None) == (record in held)
        if at is not None:
            found += 1
            assert decode_record(log.read(at)) == record
    assert found == sum(record.kind == RecordKind.BATCH for record in held)
    assert index.records == len(held)
    assert index.first_ms == min(record.recv_ms for record in held)
    assert index.last_ms == max(record.recv_ms for record in held)


def test_the_index_kept_while_writing_is_the_one_derived_afterwards(log: SegmentLog) -> None:
    segment, following = log.closed_segments[:2]
    builder = IndexBuilder(segment.first_seq)
    for at, payload in log.scan():
        if at.segment == segment.first_seq:
            record = decode_record(payload)
            builder.add(record, at.offset)
            if record.kind == RecordKind.BATCH:
                kid, epoch, seq, _ = record.extra
                assert builder.find(kid, epoch, seq) == at  # type: ignore[arg-type]
    assert builder.find(b"gateway9", EPOCHS[0], 0) is None
    assert builder.build(segment.known_header) == derive_index(segment, following.first_seq)


def test_a_damaged_or_foreign_index_is_made_again(log: SegmentLog) -> None:
    segment, following = log.closed_segments[:2]
    ensure_index(segment, following.first_seq)
    path = index_path(segment)
    right = path.read_bytes()
    wrong = [right[:-1], b"", right[:50] + b"!" + right[51:]]
    wrong.append(derive_index(following, log.closed_segments[2].first_seq))
    for data in wrong:
        path.write_bytes(data)
        with pytest.raises(CorruptError):
            SegmentIndex.load(path, segment.known_header)
        ensure_index(segment, following.first_seq)
        assert path.read_bytes() == right


def test_dropping_a_segment_drops_its_index(log: SegmentLog) -> None:
    segment, following = log.closed_segments[:2]
    ensure_index(segment, following.first_seq)
    log.drop_before(following.first_seq)
    assert not index_path(segment).exists()
    assert not segment.path.exists()
