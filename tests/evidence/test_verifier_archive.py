"""The verifier on archives: an honest one passes, and each kind of tampering is named."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from evidence.archive_files import Manifest, Predecessor
from evidence.checkpoint import Checkpoint, sign
from evidence.index import index_path
from evidence.keys import SoftwareKey
from evidence.record import (
    Record,
    RecordKind,
    batch_record,
    encode_record,
    genesis_record,
)
from evidence.segment_file import open_segment
from evidence.trust import Trust, TrustedGateway
from evidence.verifier.archive import verify_archive
from evidence.verifier.report import Name, Report
from tests.support.archives import LOG_KEY, ORIGIN, ArchiveMaker, trust_of
from tests.support.batches import (
    EPOCH,
    GATEWAY,
    KEY,
    SITE,
    START_MS,
    chain_of,
    make_batch,
    next_batch,
    next_epoch,
)

OTHER = SoftwareKey(-9, bytes(31) + b"\x07")
TWO = trust_of(
    TrustedGateway(id=GATEWAY, site=SITE, keys=(KEY.public,)),
    TrustedGateway(id="gw-other", site="site-002", keys=(OTHER.public,)),
)


def honest(folder: Path, batches: int = 40) -> ArchiveMaker:
    """Two gateways, alarms between their batches, several segments, all indexed."""
    maker = ArchiveMaker(folder)
    ours = chain_of(batches, readings=40)
    theirs = chain_of(batches, OTHER, gateway="gw-other", site="site-002", readings=24)
    for n in range(batches):
        maker.batch(ours[n])
        maker.batch(theirs[n], OTHER)
        if n % 7 == 0:
            maker.object(RecordKind.ALARM, b"alarm %d" % n)
    maker.publish()
    maker.close()
    return maker


def verified(folder: Path, trust: Trust = TWO) -> Report:
    return verify_archive(folder, trust, lambda _: None)


def failed(report: Report) -> dict[str, str]:
    """Return the failed checks and the place and message of the first offence of each."""
    return {
        str(check.name): f"{check.first.message} | {check.first.place}"
        for check in report.in_order()
        if check.first is not None
    }


def test_an_honest_archive_passes_and_is_counted(tmp_path: Path) -> None:
    honest(tmp_path / "archive")
    told: list[int] = []
    report = verify_archive(tmp_path / "archive", TWO, told.append)
    assert failed(report) == {}
    assert report.passed
    assert report.findings == []
    assert report.counts["batches"] == 80
    assert report.counts["readings"] == 40 * 40 + 40 * 24
    assert report.counts["records"] == 1 + 80 + 6
    assert report.counts["gateways"] == 2
    segments = list((tmp_path / "archive/records").glob("*.seg"))
    assert sum(told) == sum(path.stat().st_size for path in segments)
    assert report.check(Name.INDEXES).examined == len(segments) - 1 == 2
    assert report.check(Name.TILES).examined == 2


def test_records_after_the_checkpoint_are_counted_and_checked(tmp_path: Path) -> None:
    maker = ArchiveMaker(tmp_path / "archive")
    chain = chain_of(3)
    maker.batches(chain)
    maker.publish()
    maker.batch(next_batch(chain[-1]))
    maker.close()
    report = verified(tmp_path / "archive")
    assert report.passed
    assert report.counts["records not covered yet"] == 1


def test_a_batch_signed_by_another_key_is_named(tmp_path: Path) -> None:
    maker = ArchiveMaker(tmp_path / "archive")
    chain = chain_of(3)
    forged = make_batch(readings=8, seq=2, prev=chain[1].sha256, readings_total=8)
    spoiled = forged.data[:-1] + bytes([forged.data[-1] ^ 1])
    maker.batches(chain[:2])
    maker.batch(replace(forged, data=spoiled))
    maker.publish()
    maker.close()
    said = failed(verified(tmp_path / "archive"))
    assert set(said) == {"batches"}
    assert "signature" in said["batches"]
    assert f"record 3, gateway {GATEWAY}, epoch {EPOCH.hex()}, seq 2" in said["batches"]


def test_a_key_that_is_not_pinned_is_named(tmp_path: Path) -> None:
    honest(tmp_path / "archive", 3)
    said = failed(verified(tmp_path / "archive", trust_of()))
    assert set(said) == {"batches"}
    assert OTHER.kid.hex() in said["batches"]


def test_a_batch_of_another_site_is_named(tmp_path: Path) -> None:
    maker = ArchiveMaker(tmp_path / "archive")
    maker.batch(make_batch(site="site-999"))
    maker.publish()
    maker.close()
    said = failed(verified(tmp_path / "archive"))
    assert set(said) == {"batches"}
    assert "site-999" in said["batches"]


def test_a_batch_that_does_not_follow_is_named(tmp_path: Path) -> None:
    maker = ArchiveMaker(tmp_path / "archive")
    chain = chain_of(3)
    maker.batches(chain[:2])
    maker.batch(next_batch(chain[1], prev=bytes(32)), lo=0)
    maker.publish()
    maker.close()
    said = failed(verified(tmp_path / "archive"))
    assert set(said) == {"chains"}
    assert "seq 2" in said["chains"]


def test_a_batch_stored_twice_is_named(tmp_path: Path) -> None:
    maker = ArchiveMaker(tmp_path / "archive")
    chain = chain_of(2)
    maker.batches(chain)
    maker.put(
        batch_record(
            maker.log.next_seq, START_MS, "card", chain[1].data, (KEY.kid, EPOCH, 1, 0)
        )
    )
    maker.publish()
    maker.close()
    assert set(failed(verified(tmp_path / "archive"))) == {"chains"}


def test_a_leaf_that_claims_more_than_the_log_holds_is_named(tmp_path: Path) -> None:
    maker = ArchiveMaker(tmp_path / "archive")
    chain = chain_of(4)
    maker.batch(chain[0])
    maker.batch(chain[2])
    maker.batch(chain[3], lo=0)
    maker.publish()
    maker.close()
    said = failed(verified(tmp_path / "archive"))
    assert set(said) == {"chains"}
    assert "claims seq 0" in said["chains"]
    assert "seq 3" in said["chains"]


def test_a_loss_a_backlog_and_a_branch_are_noted_and_are_no_failure(tmp_path: Path) -> None:
    maker = ArchiveMaker(tmp_path / "archive")
    chain = chain_of(9)
    maker.batches([*chain[:2], *chain[4:5], chain[7]])
    after = next_batch(chain[7], lowest_held=(EPOCH, 6))
    maker.batch(after)
    maker.batch(next_epoch(after, b"epoch--2"))
    maker.batch(next_epoch(after, b"epoch--3"))
    maker.publish()
    maker.close()
    report = verified(tmp_path / "archive")
    assert report.passed
    noted = {(n.finding, n.epoch, n.lo, n.hi) for n in report.findings}
    assert ("loss", EPOCH.hex(), 2, 3) in noted
    assert ("loss", EPOCH.hex(), 5, 5) in noted
    assert ("backlog", EPOCH.hex(), 6, 6) in noted
    assert any(finding == "branch" for finding, *_ in noted)
    assert {n.gateway for n in report.findings} == {GATEWAY}


def test_a_record_that_another_one_replaced_does_not_fit_the_log(tmp_path: Path) -> None:
    """An insider rewrites a record, its CRC and its index, but cannot sign the root again."""
    maker = ArchiveMaker(tmp_path / "archive")
    maker.object(RecordKind.ALARM, b"who did what")
    maker.publish()
    maker.close()
    other = ArchiveMaker(tmp_path / "other")
    other.object(RecordKind.ALARM, b"nobody did it")
    other.close()
    shutil.rmtree(tmp_path / "archive/records")
    shutil.copytree(tmp_path / "other/records", tmp_path / "archive/records")
    said = failed(verified(tmp_path / "archive"))
    assert set(said) == {"checkpoint", "tiles"}
    assert "tile/" in said["tiles"]


def test_a_log_whose_key_is_not_pinned_is_named(tmp_path: Path) -> None:
    maker = ArchiveMaker(tmp_path / "archive")
    maker.publish()
    maker.close()
    said = failed(verified(tmp_path / "archive", trust_of(origins=("example.org/log/1999",))))
    assert set(said) == {"manifest", "checkpoint"}
    assert ORIGIN in said["manifest"]


def test_a_checkpoint_of_another_log_is_named(tmp_path: Path) -> None:
    maker = ArchiveMaker(tmp_path / "archive")
    maker.publish()
    maker.close()
    other = "example.org/log/1999"
    checkpoint = Checkpoint(origin=other, size=1, root=maker.tiles.root())
    note = sign(checkpoint, LOG_KEY, LOG_KEY.public)
    (tmp_path / "archive/log/checkpoint").write_bytes(note)
    said = failed(verified(tmp_path / "archive", trust_of(origins=(ORIGIN, other))))
    assert set(said) == {"checkpoint"}
    assert other in said["checkpoint"]


@pytest.mark.parametrize(
    "first",
    [
        genesis_record("example.org/log/1999", 0),
        Record(0, RecordKind.ALARM, 0, "local", b"x", (bytes(16),)),
    ],
)
def test_a_first_record_that_is_not_the_genesis_of_this_log_is_named(
    tmp_path: Path, first: Record
) -> None:
    maker = ArchiveMaker(tmp_path / "archive", first=first)
    maker.publish()
    maker.close()
    said = failed(verified(tmp_path / "archive"))
    assert set(said) == {"records"}
    assert "record 0" in said["records"]


def test_a_record_with_another_index_is_named(tmp_path: Path) -> None:
    maker = ArchiveMaker(tmp_path / "archive")
    salt = bytes(16)
    maker.put(Record(5, RecordKind.ALARM, 1, "local", b"x", (salt,)))
    maker.publish()
    maker.close()
    assert "record 5" in failed(verified(tmp_path / "archive"))["records"]


def test_a_batch_whose_record_says_another_place_is_named(tmp_path: Path) -> None:
    maker = ArchiveMaker(tmp_path / "archive")
    batch = chain_of(1)[0]
    maker.put(batch_record(1, START_MS, "https", batch.data, (KEY.kid, EPOCH, 1, 0)))
    maker.publish()
    maker.close()
    assert "another key" in failed(verified(tmp_path / "archive"))["records"]


@pytest.mark.parametrize(
    "name", ["notes.txt", "records/x.seg", "log/tile/0/000.p/007", "log/old/checkpoint"]
)
def test_an_unknown_file_is_named(tmp_path: Path, name: str) -> None:
    honest(tmp_path / "archive", 3)
    path = tmp_path / "archive" / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    said = failed(verified(tmp_path / "archive"))
    assert set(said) == {"files"}
    assert name in said["files"]


def test_a_link_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    honest(tmp_path / "archive", 3)
    path = tmp_path / "archive/log/checkpoint"
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert "checkpoint" in failed(verified(tmp_path / "archive"))["files"]


@pytest.mark.parametrize(
    ("pattern", "check"),
    [
        ("manifest.json", "manifest"),
        ("log/checkpoint", "checkpoint"),
        ("log/tile/0/*", "tiles"),
        ("log/tile/entries/*", "tiles"),
    ],
)
def test_a_missing_file_is_named(tmp_path: Path, pattern: str, check: str) -> None:
    honest(tmp_path / "archive", 3)
    path = next((tmp_path / "archive").glob(pattern))
    path = next(path.iterdir()) if path.is_dir() else path
    path.unlink()
    said = failed(verified(tmp_path / "archive"))
    assert path.relative_to(tmp_path / "archive").as_posix() in said[check]


@pytest.mark.parametrize("number", [0, 1, -1])
def test_a_missing_segment_is_named(tmp_path: Path, number: int) -> None:
    honest(tmp_path / "archive")
    paths = sorted((tmp_path / "archive/records").glob("*.seg"))
    paths[number].unlink()
    said = failed(verified(tmp_path / "archive"))
    assert said.keys() & {"segments", "checkpoint"}
    assert "missing" in said.get("segments", "") or "records, " in said["checkpoint"]


def test_records_cut_off_behind_the_checkpoint_are_noticed(tmp_path: Path) -> None:
    maker = honest(tmp_path / "archive", 10)
    path = max((tmp_path / "archive/records").glob("*.seg"))
    segment = open_segment(path)
    data = bytearray(path.read_bytes())
    last = [at.offset for at, _ in maker.log.scan() if at.segment == segment.first_seq][-1]
    data[last : segment.limit] = bytes(segment.limit - last)
    path.write_bytes(data)
    said = failed(verified(tmp_path / "archive"))
    assert "covers" in said["checkpoint"]


def test_an_index_of_another_segment_is_named(tmp_path: Path) -> None:
    honest(tmp_path / "archive")
    first, second = sorted((tmp_path / "archive/records").glob("*.seg"))[:2]
    wrong = index_path(open_segment(second)).read_bytes()
    index_path(open_segment(first)).write_bytes(wrong)
    said = failed(verified(tmp_path / "archive"))
    assert set(said) == {"indexes"}
    assert first.with_suffix(".idx").name in said["indexes"]


def test_the_logs_of_an_archive_are_followed(tmp_path: Path) -> None:
    chain = chain_of(6)
    maker = ArchiveMaker(tmp_path / "archive")
    maker.batches(chain[:3])
    maker.publish()
    maker.close()
    before = Predecessor(origin=ORIGIN, size=maker.tiles.size, root=maker.tiles.root())
    origin = "example.org/log/2027"
    manifest = Manifest(origin=origin, created_ms=1, first_index=4, predecessor=before)
    for state in maker.chains.values():
        state.start_new_log()
    follower = ArchiveMaker(
        tmp_path / "archive-2", origin=origin, manifest=manifest, chains=maker.chains
    )
    follower.batches(chain[3:])
    follower.publish()
    follower.close()
    trust = trust_of(origins=(ORIGIN, origin))
    report = verified(tmp_path / "archive", trust)
    assert failed(report) == {}
    assert report.counts["batches"] == 6
    path = next((tmp_path / "archive-2/log/tile/0").rglob("*.p/*"))
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    said = failed(verified(tmp_path / "archive", trust))
    assert "archive-2/log/tile/0" in said["tiles"]


@pytest.mark.parametrize(
    "change",
    [{"size": 3}, {"root": b"r" * 32}, {"origin": "example.org/log/2025"}, {"first_index": 5}],
)
def test_a_log_that_does_not_follow_is_named(tmp_path: Path, change: dict[str, object]) -> None:
    maker = ArchiveMaker(tmp_path / "archive")
    maker.batches(chain_of(3))
    maker.publish()
    maker.close()
    fields = {"origin": ORIGIN, "size": maker.tiles.size, "root": maker.tiles.root(), **change}
    first_index = fields.pop("first_index", 4)
    origin = "example.org/log/2027"
    manifest = Manifest(
        origin=origin,
        created_ms=1,
        first_index=first_index,  # type: ignore[arg-type]
        predecessor=Predecessor(**fields),  # type: ignore[arg-type]
    )
    follower = ArchiveMaker(tmp_path / "archive-2", origin=origin, manifest=manifest)
    follower.publish()
    follower.close()
    said = failed(verified(tmp_path / "archive", trust_of(origins=(ORIGIN, origin))))
    assert "archive-2/manifest.json" in said["manifest"]


def test_a_record_that_cannot_be_read_stops_the_comparison_of_the_log(tmp_path: Path) -> None:
    maker = ArchiveMaker(tmp_path / "archive")
    maker.batches(chain_of(2))
    maker.log.append(encode_record(Record(3, 7, 1, "local", b"x", (bytes(16),)))[:-1])
    maker.log.sync()
    maker.publish()
    maker.close(indexed=False)
    said = failed(verified(tmp_path / "archive"))
    assert set(said) == {"records", "tiles"}
    assert "record 3" in said["records"]
