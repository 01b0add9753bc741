"""Any byte of an archive changed after the fact: the verifier fails and names the place.

The archive is one that the real programs made, in several segments. `seed` decides which bytes.
"""

import random
from pathlib import Path

from evidence.trust import load_trust
from evidence.verifier.archive import verify_archive
from evidence.verifier.report import Report
from tests.support.audit import verified
from tests.support.damage import flip, records_of
from tests.support.stack import SEEDS, stack

BYTES_PER_FILE = 3


async def test_any_changed_byte_of_an_archive_is_found_and_its_place_named(
    tmp_path: Path,
) -> None:
    async with stack(tmp_path) as running:
        await running.archived(5)
        (await running.audit()).assert_clean()
        archive, trust = running.installation.archive, running.installation.trust
        pinned = load_trust(trust)
        files = sorted(path for path in archive.rglob("*") if path.is_file())
        assert len(files) >= 5
        for seed in SEEDS:
            rng = random.Random(seed)
            for file in files:
                for offset in (rng.randrange(_used(file)) for _ in range(BYTES_PER_FILE)):
                    bit = 1 << rng.randrange(8)
                    flip(file, offset, bit)
                    report = verify_archive(archive, pinned, lambda _: None)
                    name = file.relative_to(archive).as_posix()
                    assert not report.passed, (seed, name, offset, bit)
                    assert name in _named(report), (seed, name, offset, bit, _named(report))
                    flip(file, offset, bit)
        flip(files[-1], 0)
        assert not verified(archive, trust)["passed"]
        flip(files[-1], 0)
        assert verified(archive, trust)["passed"]


def _used(file: Path) -> int:
    """Return how much of a file to aim at: of a segment where its records are, and no more."""
    if file.suffix != ".seg":
        return file.stat().st_size
    last = [found for path, found in records_of(file.parent) if path == file][-1]
    return last.offset + len(last.payload)


def _named(report: Report) -> str:
    firsts = (check.first for check in report.in_order())
    return " ".join(f"{first.message} {first.place}" for first in firsts if first is not None)
