"""What became of every reading: taken by the gateway, archived by the cloud, on the time axis.

Used at the end of the demo and of each fault test. It reads the gateway's own outbox and the
cloud's archive with the offline verifier's eyes, and compares the time series, as the cloud
exports it, with the archive point by point. Nothing the programs say of themselves is believed.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from domain.quality import has_value
from evidence.batch import Body, decode_body, expand
from evidence.cose import parse1
from evidence.record import RecordKind, decode_record
from evidence.segment import Found
from evidence.segment_file import list_segments, open_segment

Key = tuple[bytes, int]
Sample = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Readings and batches, counted at both ends; see the fields' names in the demo's report.

    `taken` counts what the gateway signed, kept or dropped; `stored` what the archive holds.
    `missing` and `surplus` compare the time series with the archive.
    """

    taken: int
    stored: int
    batches: int
    lost: int
    duplicated: int
    missing: int = 0
    surplus: int = 0

    @property
    def clean(self) -> bool:
        """Return whether nothing was lost or doubled anywhere."""
        return not (self.lost or self.duplicated or self.missing or self.surplus)


def tally(
    outbox: Path | None, archive: Path, exported: Iterable[tuple[int, int]] | None
) -> Tally:
    """Count; `exported` is (channel, t_ms) of every projected reading, None to leave it out."""
    sent = {} if outbox is None else dict(_bodies_of(outbox_batches(outbox)))
    archived = Counter[Key]()
    bodies: dict[Key, Body] = {}
    for body in map(_body, archive_batches(archive)):
        archived[body.epoch, body.seq] += 1
        bodies[body.epoch, body.seq] = body
    stored = sum(body.count for body in bodies.values())
    known = {**bodies, **sent}
    taken = sum(body.count for body in known.values()) + _dropped(known)
    missing, surplus = _compare(bodies.values(), exported)
    return Tally(
        taken=taken,
        stored=stored,
        batches=len(bodies),
        lost=taken - stored,
        duplicated=sum(n - 1 for n in archived.values()),
        missing=missing,
        surplus=surplus,
    )


def outbox_batches(outbox: Path) -> Iterator[bytes]:
    """Yield every batch that lies in a gateway's outbox, receipted or not; changes nothing."""
    return _payloads(outbox / "outbox")


def archive_batches(archive: Path) -> Iterator[bytes]:
    """Yield every batch of the archive, in the archive's order; changes nothing."""
    for folder in sorted(archive.parent.glob(f"{archive.name}*/records")):
        for data in _payloads(folder):
            record = decode_record(data)
            if record.kind == RecordKind.BATCH:
                yield record.data


def _payloads(folder: Path) -> Iterator[bytes]:
    for path in list_segments(folder):
        for item in open_segment(path).walk():
            if isinstance(item, Found):
                yield item.payload


def read_export(lines: Iterable[str], channels: dict[str, int]) -> Iterator[tuple[int, int]]:
    """Yield (channel, t_ms) of each line of the time series' canonical export."""
    for line in lines:
        _, point, _, t_ms, _, _ = json.loads(line)
        if point in channels:
            yield channels[point], t_ms


def _bodies_of(batches: Iterable[bytes]) -> Iterator[tuple[Key, Body]]:
    for body in map(_body, batches):
        yield (body.epoch, body.seq), body


def _body(batch: bytes) -> Body:
    return decode_body(parse1(batch).payload)


def _dropped(bodies: dict[Key, Body]) -> int:
    last: dict[bytes, int] = {}
    for (epoch, _), body in bodies.items():
        last[epoch] = max(last.get(epoch, 0), body.dropped_total)
    return sum(last.values())


def _compare(
    bodies: Iterable[Body], exported: Iterable[tuple[int, int]] | None
) -> tuple[int, int]:
    if exported is None:
        return 0, 0
    expected = Counter[Sample](
        (channel, t_ms)
        for body in bodies
        for channel, _, t_ms, _, q in expand(body)
        if has_value(q)
    )
    shown = Counter[Sample](exported)
    missing = sum(1 for sample in expected if sample not in shown)
    surplus = sum(n - (sample in expected) for sample, n in shown.items())
    return missing, surplus
