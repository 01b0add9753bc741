"""The verifier on keys and changes: what was revoked speaks no more, no change is missing."""

import json
from pathlib import Path

import pytest

from evidence.archive_files import Manifest, Predecessor
from evidence.key_record import KeyEvent, KeyRecord, encode_key_record
from evidence.keys import SoftwareKey
from evidence.record import RecordKind
from evidence.trust import Trust
from evidence.verifier.archive import verify_archive
from evidence.verifier.rendering import as_json, as_text
from evidence.verifier.report import Name, Report
from tests.support.archives import ORIGIN, ArchiveMaker, trust_of
from tests.support.audit_trail import audit_entry, audit_trail
from tests.support.batches import EPOCH, GATEWAY, KEY, SITE, chain_of, next_batch

THIEF = SoftwareKey(-19, b"T" * 32)


def key_record(
    event: KeyEvent = KeyEvent.REVOKED, key: SoftwareKey = KEY, gateway: str = GATEWAY
) -> bytes:
    return encode_key_record(
        KeyRecord(
            event=event,
            kid=key.kid,
            gateway=gateway,
            site=SITE,
            public=key.public.to_text(),
            key_kind="software",
            requested_by="li",
            approved_by="wang",
        )
    )


def verified(folder: Path, trust: Trust | None = None) -> Report:
    return verify_archive(folder, trust or trust_of(), lambda _: None)


def failed(report: Report) -> dict[str, str]:
    return {
        str(check.name): f"{check.first.message} | {check.first.place}"
        for check in report.in_order()
        if check.first is not None
    }


@pytest.fixture
def maker(tmp_path: Path) -> ArchiveMaker:
    return ArchiveMaker(tmp_path / "archive")


def finished(maker: ArchiveMaker) -> Path:
    maker.publish()
    maker.close()
    return maker.folder


def test_batches_before_their_keys_revocation_stay_valid(maker: ArchiveMaker) -> None:
    maker.object(RecordKind.KEY, key_record(KeyEvent.ENROLLED))
    maker.batches(chain_of(3))
    maker.object(RecordKind.KEY, key_record())
    report = verified(finished(maker))
    assert failed(report) == {}
    assert report.check(Name.KEYS).examined == 2
    (told,) = json.loads(as_json(report))["revocations"]
    assert told == {
        "kid": KEY.kid.hex(),
        "gateway": GATEWAY,
        "site": SITE,
        "file": "records/0000000000000000.seg",
        "record": 5,
        "requested_by": "li",
        "approved_by": "wang",
    }
    assert f"revoked: gateway {GATEWAY}, key {KEY.kid.hex()}, by li and wang" in as_text(report)


def test_a_batch_after_its_keys_revocation_fails_and_is_named(maker: ArchiveMaker) -> None:
    chain = chain_of(4)
    maker.batches(chain[:2])
    maker.object(RecordKind.KEY, key_record())
    maker.batches(chain[2:])
    report = verified(finished(maker))
    said = failed(report)
    assert set(said) == {"keys"}
    assert "was revoked by record 3" in said["keys"]
    assert f"record 4, gateway {GATEWAY}, epoch {EPOCH.hex()}, seq 2" in said["keys"]
    assert report.check(Name.KEYS).failures == 2


def test_a_revocation_counts_in_the_logs_that_follow(
    maker: ArchiveMaker, tmp_path: Path
) -> None:
    chain = chain_of(2)
    maker.batch(chain[0])
    maker.object(RecordKind.KEY, key_record())
    root, size = maker.tiles.root(), maker.tiles.size
    archive = finished(maker)
    origin = "example.org/log/2027"
    before = Predecessor(origin=ORIGIN, size=size, root=root)
    manifest = Manifest(origin=origin, created_ms=1, first_index=size, predecessor=before)
    second = ArchiveMaker(tmp_path / "archive-2", origin=origin, manifest=manifest)
    second.chains = maker.chains
    second.batch(chain[1], lo=1)
    finished(second)
    said = failed(verified(archive, trust_of(origins=(ORIGIN, origin))))
    assert set(said) == {"keys"}
    assert "record 2 in records/0000000000000000.seg" in said["keys"]
    assert "archive-2/records/0000000000000000.seg" in said["keys"]


def test_a_key_enrolled_in_the_log_alone_is_not_trusted(maker: ArchiveMaker) -> None:
    maker.object(RecordKind.KEY, key_record(KeyEvent.ENROLLED, THIEF))
    maker.batches(chain_of(1, THIEF), THIEF)
    report = verified(finished(maker))
    assert set(failed(report)) == {"batches"}
    assert THIEF.kid.hex() in failed(report)["batches"]
    assert report.counts["key records of keys that are not pinned"] == 1


def test_a_record_that_gives_a_pinned_key_to_another_gateway_fails(
    maker: ArchiveMaker,
) -> None:
    maker.object(RecordKind.KEY, key_record(KeyEvent.ENROLLED, gateway="gw-other"))
    said = failed(verified(finished(maker)))
    assert f"gives {GATEWAY}'s key {KEY.kid.hex()} to gw-other" in said["keys"]


@pytest.mark.parametrize("kind", [RecordKind.KEY, RecordKind.AUDIT])
def test_what_is_no_key_record_or_audit_entry_fails(
    maker: ArchiveMaker, kind: RecordKind
) -> None:
    maker.object(kind, b"\xa0")
    assert (
        "record 1"
        in failed(verified(finished(maker)))["keys" if kind is RecordKind.KEY else "audit"]
    )


def test_an_unbroken_trail_of_changes_passes_between_batches(maker: ArchiveMaker) -> None:
    last = None
    for data in audit_trail(4):
        maker.object(RecordKind.AUDIT, data)
        last = chain_of(1)[0] if last is None else next_batch(last)
        maker.batch(last)
    report = verified(finished(maker))
    assert failed(report) == {}
    assert report.check(Name.AUDIT).examined == 4


@pytest.mark.parametrize("fault", ["first", "dropped", "swapped", "twice", "changed"])
def test_a_trail_with_a_change_missing_moved_or_altered_fails(
    maker: ArchiveMaker, fault: str
) -> None:
    one, two, three = audit_trail(3)
    trail = {
        "first": [two, three],
        "dropped": [one, three],
        "swapped": [two, one, three],
        "twice": [one, two, two],
        "changed": [audit_entry(1, bytes(32), _12="nothing of note"), two, three],
    }[fault]
    for data in trail:
        maker.object(RecordKind.AUDIT, data)
    said = failed(verified(finished(maker)))
    assert set(said) == {"audit"}
    assert "follows" in said["audit"]
