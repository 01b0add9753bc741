"""After any one byte of any file of an archive or outbox is changed, the verifier says so."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evidence.keys import SoftwareKey
from evidence.record import RecordKind
from evidence.verifier.archive import verify_archive
from evidence.verifier.outbox import verify_outbox
from evidence.verifier.report import Report
from tests.support.archives import ArchiveMaker, make_outbox, trust_of
from tests.support.batches import EPOCH, chain_of, make_batch, next_epoch

SMALL_BYTES = 400
SEEDED = 40  # positions in each larger file
FILES = [
    "manifest.json",
    "log/checkpoint",
    "log/tile/0/000",
    "log/tile/0/001.p/31",
    "log/tile/1/000.p/1",
    "log/tile/entries/000",
    "log/tile/entries/001.p/31",
    "records/0000000000000000.seg",
    "records/0000000000000000.idx",
]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of more than one full tile and more than one segment."""
    folder = tmp_path_factory.mktemp("bytes") / "archive"
    maker = ArchiveMaker(folder, segment_bytes=1 << 14)
    for n, batch in enumerate(chain_of(30, readings=16)):
        maker.batch(batch)
        for k in range(8 if n % 4 else 10):
            maker.object(RecordKind.ALARM, b"%d %d" % (n, k))
    maker.publish()
    maker.close()
    return folder


@pytest.fixture(scope="module")
def outbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The outbox of a gateway that has receipts and a refused batch."""
    place = tmp_path_factory.mktemp("outbox")
    chain = chain_of(30, readings=16)
    chain.append(next_epoch(chain[-1], b"epoch--2"))
    maker = ArchiveMaker(place / "archive")
    maker.batches(chain[:9])
    receipts = [maker.receipt(EPOCH, 0, hi, hi + 1) for hi in (3, 8)]
    maker.close()
    refused = make_batch(epoch=b"epoch--9", readings=8)
    make_outbox(place / "state", chain, receipts, [refused])
    return place / "state"


def positions(path: Path, rng: random.Random) -> Iterator[int]:
    """Every byte of a small file; of a larger one the ends and seeded places between."""
    size = path.stat().st_size
    if size <= SMALL_BYTES:
        yield from range(size)
        return
    yield from range(0, 48, 7)
    yield from range(size - 48, size, 7)
    yield from (rng.randrange(size) for _ in range(SEEDED))


def each_changed_byte(path: Path) -> Iterator[int]:
    """Change one byte after the other and put it back."""
    rng = random.Random(path.name)
    before = path.read_bytes()
    try:
        for at in positions(path, rng):
            changed = bytearray(before)
            changed[at] ^= 1 << rng.randrange(8)
            path.write_bytes(changed)
            yield at
    finally:
        path.write_bytes(before)


def named(report: Report) -> str:
    return " ".join(
        f"{check.first.message} {check.first.place}"
        for check in report.in_order()
        if check.first is not None
    )


def assert_found(verify: Callable[[], Report], folder: Path, path: Path) -> None:
    """Assert that every changed byte fails and that the file is named."""
    name = path.relative_to(folder).as_posix()
    assert verify().passed
    for at in each_changed_byte(path):
        report = verify()
        assert not report.passed, f"byte {at} of {name}"
        assert name in named(report), f"byte {at} of {name}: {named(report)}"
    assert verify().passed


@pytest.mark.parametrize("name", FILES)
def test_a_changed_byte_of_an_archive_is_found_and_named(archive: Path, name: str) -> None:
    trust = trust_of()
    assert (archive / name).exists(), sorted(archive.rglob("*"))
    assert_found(
        lambda: verify_archive(archive, trust, lambda _: None), archive, archive / name
    )


def test_no_file_of_the_archive_was_left_out(archive: Path) -> None:
    there = {p.relative_to(archive).as_posix() for p in archive.rglob("*") if p.is_file()}
    assert set(FILES) <= there
    others = there - set(FILES)
    assert all(name.startswith("records/") for name in others)


def test_a_changed_byte_of_the_last_segment_is_found_and_named(archive: Path) -> None:
    path = max((archive / "records").glob("*.seg"))
    trust = trust_of()
    assert_found(lambda: verify_archive(archive, trust, lambda _: None), archive, path)


@pytest.mark.parametrize(
    "pattern", ["outbox/*.seg", "receipts/*.seg", "refused/*", "outbox.cursor"]
)
def test_a_changed_byte_of_an_outbox_is_found_and_named(outbox: Path, pattern: str) -> None:
    path = max(outbox.glob(pattern))
    trust = trust_of()
    assert_found(lambda: verify_outbox(outbox, trust, lambda _: None), outbox, path)


def test_any_other_value_of_one_byte_is_found(archive: Path) -> None:
    """A byte may change to any value, not only by one bit."""
    path = archive / "records/0000000000000000.seg"
    trust, before = trust_of(), path.read_bytes()
    rng = random.Random(1)
    try:
        for _ in range(40):
            at, value = rng.randrange(len(before)), rng.randrange(256)
            path.write_bytes(before[:at] + bytes([value]) + before[at + 1 :])
            report = verify_archive(archive, trust, lambda _: None)
            assert report.passed == (before[at] == value), f"byte {at} to {value}"
    finally:
        path.write_bytes(before)


def test_a_stranger_key_makes_nothing_pass(archive: Path) -> None:
    trust = trust_of()
    pinned = dict.fromkeys(trust.logs, SoftwareKey.generate().public)
    other = type(trust)(logs=pinned, control=trust.control, gateways=trust.gateways)
    assert not verify_archive(archive, other, lambda _: None).passed


@pytest.mark.parametrize("seed", range(60))
def test_garbage_anywhere_is_reported_and_stops_nothing(archive: Path, seed: int) -> None:
    """A block overwritten, a file cut short or grown: a report, and never an exception."""
    rng = random.Random(seed)
    path = rng.choice(sorted(p for p in archive.rglob("*") if p.is_file()))
    before = path.read_bytes()
    at = rng.randrange(len(before))
    garbage = rng.randbytes(rng.randrange(1, 400))
    changed = [
        before[:at] + garbage + before[at + len(garbage) :],
        before[:at],
        before + garbage,
        b"",
    ]
    try:
        path.write_bytes(changed[seed % len(changed)])
        report = verify_archive(archive, trust_of(), lambda _: None)
        assert not report.passed
        assert path.name in named(report)
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize(
    "name", ["log/tile/0/000", "log/tile/entries/000", "log/tile/1/000.p/1"]
)
def test_a_missing_tile_is_named(archive: Path, name: str) -> None:
    path = archive / name
    before = path.read_bytes()
    path.unlink()
    try:
        report = verify_archive(archive, trust_of(), lambda _: None)
        assert [str(check.name) for check in report.in_order() if not check.passed] == ["tiles"]
        assert name in named(report)
    finally:
        path.write_bytes(before)
