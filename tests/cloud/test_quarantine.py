"""Quarantine: what is kept, what is only counted, and the bounds nobody can exceed."""

import json
import struct
from hashlib import sha256
from pathlib import Path

import pytest

from cloud.ingest.quarantine import ENTRY_BYTES, Quarantine, Refused
from tests.support.signing import T0_MS

KID = bytes(range(8))
DAY_MS = 86_400_000


def _refused(data: bytes = b"x" * 100, *, known: bool = True, at_ms: int = T0_MS) -> Refused:
    return Refused(
        data=data,
        kid=KID,
        gateway="gw-demo-01" if known else "",
        via="https",
        code="signature" if known else "unknown-key",
        message="said so",
        recv_ms=at_ms,
    )


def test_a_known_keys_bytes_are_kept_with_what_where_and_remedy(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path)
    quarantine.put(_refused(b"first"))
    quarantine.put(_refused(b"second"))
    (lines,) = tmp_path.glob("*/*.jsonl")
    _, line = map(json.loads, lines.read_text().splitlines())
    where = line["where"]
    data = (tmp_path / where["file"]).read_bytes()
    assert data[where["offset"] :][: where["length"]] == b"second"
    assert line["gateway"] == "gw-demo-01"
    assert line["what"] == "the signature does not fit the bytes: said so"
    assert "proxy" in line["remedy"]
    assert quarantine.counts["signature"] == 2


def test_an_unknown_keys_bytes_are_only_counted_and_hashed(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path)
    quarantine.put(_refused(b"secret", known=False))
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["unknown.ring"]
    ring = (tmp_path / "unknown.ring").read_bytes()[:ENTRY_BYTES]
    assert sha256(b"secret").digest() in ring
    assert b"secret" not in ring
    assert quarantine.unknown_seen == 1


def test_the_ring_never_grows_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    for expected in range(1, 30):
        quarantine = Quarantine(tmp_path, ring_bytes=8 * ENTRY_BYTES)
        assert quarantine.unknown_seen == expected - 1
        quarantine.put(_refused(known=False, at_ms=expected))
        quarantine.close()
    ring = (tmp_path / "unknown.ring").read_bytes()
    times = {t for _, t in struct.iter_unpack("<Qq48x", ring)}
    assert times == set(range(22, 30))


def test_a_key_fills_no_more_than_its_day(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path, key_day_bytes=2_000)
    for _ in range(50):
        quarantine.put(_refused())
    assert _used(tmp_path) <= 2_000
    assert quarantine.counts["quarantine-full"] > 40
    quarantine.put(_refused(at_ms=T0_MS + DAY_MS))
    assert len(list(tmp_path.glob("*/*.bin"))) == 2


def test_a_restart_does_not_give_a_key_its_day_again(tmp_path: Path) -> None:
    for _ in range(20):
        quarantine = Quarantine(tmp_path, key_day_bytes=2_000)
        quarantine.put(_refused())
        quarantine.close()
    assert _used(tmp_path) <= 2_000


def test_all_keys_together_fill_no_more_than_the_total(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path, total_bytes=3_000)
    for day in range(20):
        quarantine.put(_refused(at_ms=T0_MS + day * DAY_MS))
    assert _used(tmp_path) <= 3_000
    newest = max(p.name for p in tmp_path.iterdir() if p.is_dir())
    assert (tmp_path / newest / f"{KID.hex()}.bin").exists()


def test_files_are_their_owners_alone(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path / "q")
    quarantine.put(_refused())
    for path in (tmp_path / "q").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("slots", range(1, 6))
def test_every_fill_of_a_small_ring_is_found_again(tmp_path: Path, slots: int) -> None:
    for expected in range(3 * slots):
        quarantine = Quarantine(tmp_path, ring_bytes=slots * ENTRY_BYTES)
        assert quarantine.unknown_seen == expected
        quarantine.put(_refused(known=False))
        quarantine.close()


def _used(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.glob("*/*"))
