"""How much came from whom: batches and readings, what is still on its way, what is lost.

A projection that lives in memory, because the pages ask it all the time, and is saved now and
then with its cursor; what was not saved is read from the archive again.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Final

from cloud.archive.finding import FindingRecord, decode_finding
from cloud.projections.feed import CommitGroup, CommittedRecord
from cloud.projections.state_file import StateFile
from evidence.batch import Body, EventKind
from evidence.chain import Finding
from evidence.errors import WireError
from evidence.record import RecordKind

MAINS: Final = "mains"
SAVE_EVERY_MS: Final = 5_000
EPOCHS_KEPT: Final = 8  # of one gateway; each start of its program opens one
_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS memory (one INTEGER PRIMARY KEY CHECK (one = 1), text TEXT);"
)


@dataclass(slots=True)
class Heard:
    """One gateway: its last batch, how many are known of but not here, and what is."""

    at_ms: int
    backlog: int
    batches: int = 0
    readings: int = 0
    lost: int = 0
    clock_offset_ms: int | None = None
    """How far its clock was from ours at the last batch; None while it is not synchronised."""
    power_lost_ms: int | None = None
    """When its last loss of mains power came."""
    software: str = ""


class Epochs:
    """What is known of a gateway's newest epochs: a batch proves that all before it exist."""

    def __init__(self, known: Mapping[str, tuple[int, int]]) -> None:
        self._known = dict(known)
        """Highest number that exists, and how many are here or lost, by epoch."""

    @property
    def missing(self) -> int:
        """Return how many batches exist that are neither here nor lost."""
        return sum(max(0, top + 1 - settled) for top, settled in self._known.values())

    def store(self, body: Body) -> None:
        """Note a batch that is here."""
        if body.parent is not None:
            self._settle(*body.parent, 0)
        self._settle(body.epoch, body.seq, 1)
        while len(self._known) > EPOCHS_KEPT:
            del self._known[next(iter(self._known))]

    def lose(self, finding: FindingRecord) -> int:
        """Note a loss, or the end of one; return how many more are lost than before."""
        batches = finding.hi - finding.lo + 1
        change = batches if finding.open else -batches
        self._settle(finding.epoch, finding.hi, change)
        return change

    def saved(self) -> Mapping[str, tuple[int, int]]:
        """Return what to begin with after a restart."""
        return self._known

    def _settle(self, epoch: bytes, seq: int, batches: int) -> None:
        top, settled = self._known.get(epoch.hex(), (-1, 0))
        self._known[epoch.hex()] = (max(top, seq), settled + batches)


def _after(heard: Heard, record: CommittedRecord, body: Body, missing: int) -> Heard:
    """Return what is known of a gateway after a batch."""
    power_lost_ms, software = heard.power_lost_ms, heard.software
    for event in body.events:
        if event.kind == EventKind.DIGITAL_INPUT and _is_power_loss(event.body):
            power_lost_ms = body.t0 + event.t_off
        elif event.kind == EventKind.STATE:
            software = str(event.body.get(1, ""))
    return Heard(
        at_ms=record.recv_ms,
        backlog=missing,
        batches=heard.batches + 1,
        readings=heard.readings + body.count,
        lost=heard.lost,
        clock_offset_ms=body.t0 - record.recv_ms if body.sync else None,
        power_lost_ms=power_lost_ms,
        software=software,
    )


def _is_power_loss(body: Mapping[int, object]) -> bool:
    """Return whether a digital input says that the mains are gone."""
    return body.get(1) == 0 and MAINS in str(body.get(2, ""))


class TrafficProjection:
    """A `Projection`; entries are replaced whole, so any thread may read them."""

    name = "traffic"

    def __init__(self, file: Path) -> None:
        self._state = StateFile(file, _SCHEMA)
        self._saved_ms = 0
        self.gateways: dict[str, Heard] = {}
        self.counts: dict[str, int] = {"batches": 0, "readings": 0, "lost": 0}
        self._epochs: defaultdict[str, Epochs] = defaultdict(lambda: Epochs({}))
        self._load()
        self._next = self._state.cursor

    @property
    def cursor(self) -> int:
        """Return the next archive index to apply."""
        return self._next

    def apply(self, group: CommitGroup) -> None:
        """Take over a group."""
        for record in group.records:
            self._note(record)
        self._next = group.next_index

    def tick(self, as_of_ms: int) -> None:
        """Save now and then."""
        if as_of_ms - self._saved_ms >= SAVE_EVERY_MS:
            self._saved_ms = as_of_ms
            self._save()

    def export(self) -> Iterator[str]:
        """Yield the counts, then what is known of each gateway, as lines of JSON."""
        yield json.dumps(self.counts, sort_keys=True)
        for name, heard in sorted(self.gateways.items()):
            yield json.dumps([name, *astuple(heard)])

    def close(self) -> None:
        """Save, and let go of the file."""
        self._save()
        self._state.close()

    def _note(self, record: CommittedRecord) -> None:
        counts, gateway = self.counts, record.gateway
        if record.body is not None and gateway is not None:
            counts["batches"] += 1
            counts["readings"] += record.body.count
            epochs = self._epochs[gateway]
            epochs.store(record.body)
            heard = self.gateways.get(gateway, Heard(0, 0))
            self.gateways[gateway] = _after(heard, record, record.body, epochs.missing)
        elif record.kind == RecordKind.FINDING:
            self._note_loss(record.raw)

    def _note_loss(self, raw: bytes) -> None:
        try:
            finding = decode_finding(raw)
        except WireError:
            return
        if finding.kind != Finding.LOSS:
            return
        epochs = self._epochs[finding.gateway]
        lost = epochs.lose(finding)
        self.counts["lost"] += lost
        heard = self.gateways.get(finding.gateway)
        if heard is not None:
            self.gateways[finding.gateway] = replace(
                heard, backlog=epochs.missing, lost=heard.lost + lost
            )

    def _save(self) -> None:
        gateways = {name: astuple(heard) for name, heard in self.gateways.items()}
        epochs = {name: epochs.saved() for name, epochs in self._epochs.items()}
        text = json.dumps({"gateways": gateways, "epochs": epochs, "counts": self.counts})
        with self._state.transaction(self._next) as db:
            db.execute("INSERT OR REPLACE INTO memory VALUES (1, ?)", (text,))

    def _load(self) -> None:
        with self._state.reader() as db:
            row = db.execute("SELECT text FROM memory").fetchone()
        if row is not None:
            memory = json.loads(row[0])
            self.gateways = {name: Heard(*entry) for name, entry in memory["gateways"].items()}
            self._epochs.update((n, Epochs(known)) for n, known in memory["epochs"].items())
            self.counts = memory["counts"]
