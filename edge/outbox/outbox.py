"""Signed batches on the disk, from sealing to receipt, and some time after.

Files below the state directory: `outbox/` segments of batches, nothing else; `outbox.cursor`
how far the cloud has come; `receipts/` the cloud's receipts; `refused/` batches refused for
good; `outbox.reserve` nothing but space.

Guarantees:

- `append` returns when the batch is durable, at the cost of one flush; only then is it sent.
- Every resend has the same bytes.
- Only batches that are receipted (or refused for good, and kept in `refused/`) are freed: the
  oldest segments first, and when room is needed or `keep_ms` has passed. The cursor that says
  so is durable before a segment is unlinked: a crash between the two costs nothing.
- A full outbox refuses batches (`OutboxFullError`) and overwrites none; summaries still fit.

All calls belong to one thread (`edge.disk_thread`). A lost cursor costs duplicates only.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self

from edge.outbox.progress import (
    Checkpoint,
    Place,
    Progress,
    decode_progress,
    encode_progress,
)
from edge.outbox.receipt_log import ReceiptLog
from edge.outbox.records import Gap, Head, Records
from edge.outbox.refused import RefusedFolder
from edge.outbox.room import OutboxLimits, Reserve
from edge.runs import NONE, Runs
from evidence.cursor import CursorFile
from evidence.disk import REAL_DISK, Disk
from evidence.errors import EvidenceError, LogFullError, OutboxFullError, StorageFaultError


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxStatus:
    """The outbox in numbers; places are (epoch in hexadecimal, seq)."""

    used_bytes: int
    max_bytes: int
    held: int
    unreceipted: int
    oldest_unreceipted: tuple[str, int] | None
    receipted_to: tuple[str, int] | None
    refused: int
    faults: int
    rotten: int
    full: bool


class Outbox:
    """See the module; `open` is the only way in."""

    def __init__(self, folder: Path, limits: OutboxLimits, disk: Disk) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._limits = limits
        self._records = Records.open(folder / "outbox", limits.segment_bytes, disk, folder)
        self._receipts = ReceiptLog(folder / "receipts", disk, folder)
        self._cursor = CursorFile.open(folder / "outbox.cursor", disk=disk)
        self._reserve = Reserve(folder / "outbox.reserve", limits.segment_bytes)
        self._refused = RefusedFolder(folder / "refused", disk=disk)
        self._settled = NONE
        self._stored = Progress()
        self._reserve_spent = False
        self.checkpoint: Checkpoint | None = None
        self.full = False

    @classmethod
    def open(cls, folder: Path, limits: OutboxLimits, *, disk: Disk = REAL_DISK) -> Self:
        """Open or begin the outbox below `folder`.

        Raises:
            LogInUseError: another gateway process runs here.
            EvidenceError: the disk refuses.
        """
        outbox = cls(folder, limits, disk)
        outbox._resume()
        outbox._reserve.hold()
        return outbox

    # -- what is held

    @property
    def head(self) -> Head | None:
        """Return the last batch that is durable."""
        return self._records.head

    @property
    def unreceipted(self) -> Runs:
        """Return the numbers of the batches that the cloud has not settled."""
        return self._records.held.all.minus(self._settled)

    @property
    def lowest_held(self) -> tuple[bytes, int] | None:
        """Return (epoch, seq) of the oldest batch that is held, receipted or not."""
        return self._records.held.lowest

    def read(self, number: int) -> bytes | None:
        """Return a batch, or None when it cannot be read (any more); then it is settled."""
        batch = self._records.read(number)
        if batch is None:
            self.settle(Runs.of((number,)))
        return batch

    def numbers(self, epoch: bytes, low: int, high: int) -> Runs:
        """Return the numbers of the batches low..high of `epoch` that are held."""
        return self._records.held.numbers(epoch, low, high)

    def batch_hash(self, epoch: bytes, seq: int) -> bytes | None:
        """Return the SHA-256 of a batch that is held, else None."""
        number = self.numbers(epoch, seq, seq).first
        batch = None if number is None else self.read(number)
        return None if batch is None else sha256(batch).digest()

    def take_gaps(self) -> tuple[Gap, ...]:
        """Return the damage that no batch has declared yet, once."""
        gaps = tuple(self._records.gaps)
        self._records.gaps.clear()
        return gaps

    def status(self) -> OutboxStatus:
        """Return the outbox in numbers."""
        held, unreceipted = self._records.held.all, self.unreceipted
        return OutboxStatus(
            used_bytes=self._records.size_bytes,
            max_bytes=self._limits.max_bytes,
            held=len(held),
            unreceipted=len(unreceipted),
            oldest_unreceipted=_spelled(self._place(unreceipted.first)),
            receipted_to=_spelled(self._place(held.minus(unreceipted).last)),
            refused=self._refused.count,
            faults=self._records.faults,
            rotten=self._records.rotten,
            full=self.full,
        )

    # -- writing

    def append(self, batch: bytes, epoch: bytes, seq: int, *, summary: bool = False) -> int:
        """Make a batch durable and return its number.

        Raises:
            OutboxFullError: there is no room, and nothing receipted to free.
            StorageFaultError: the disk refused twice.
        """
        try:
            number = self._append(batch, epoch, seq, summary=summary)
        except OutboxFullError:
            self.full = True
            raise
        self.full = self.full and summary
        return number

    def settle(self, numbers: Runs) -> None:
        """Note that these batches need no sending any more."""
        self._settled = self._settled.union(numbers)

    def unsettle(self, numbers: Runs) -> None:
        """Take receipted batches back into care: the cloud has lost them."""
        self._settled = self._settled.minus(numbers)

    def keep_receipt(self, receipt: bytes, checkpoint: Checkpoint) -> None:
        """Keep a verified receipt; `checkpoint` is the newest tree that was verified."""
        self.checkpoint = checkpoint
        self._receipts.keep(receipt)

    def kept_receipts(self) -> Iterator[bytes]:
        """Yield the kept receipts, newest first; they may know more than the cursor."""
        return self._receipts.newest_first()

    def set_aside(self, number: int, code: str) -> None:
        """Move a batch that the cloud refuses for good to the evidence folder.

        Raises:
            EvidenceError: the disk refused; the batch stays where it is.
        """
        place, batch = self._place(number), self.read(number)
        if place is not None and batch is not None:
            self._refused.keep(batch, *place, code)
        self.settle(Runs.of((number,)))

    def tidy(self, now_ms: int) -> None:
        """Store how far the cloud has come, and free receipted batches past their time.

        Args:
            now_ms: wall clock; a wrong one frees receipted batches early or late, no others.
        """
        self.store_progress()
        oldest_ms = self._records.oldest_changed_ms()
        while oldest_ms is not None and oldest_ms < now_ms - self._limits.keep_ms:
            if not self._free_oldest():
                break
            oldest_ms = self._records.oldest_changed_ms()
        if not self.full:
            self._reserve.hold()

    def store_progress(self) -> None:
        """Make the progress durable if it changed."""
        stored = self._stored
        if (self._settled, self.checkpoint) != (stored.settled, stored.checkpoint):
            self._store()

    def close(self) -> None:
        """Store the progress and let go of all files."""
        with suppress(EvidenceError):
            self.store_progress()
        self._cursor.close()
        self._receipts.close()
        self._records.close()

    # -- inside

    def _resume(self) -> None:
        """Take the cursor over, unless it is of another log than this one."""
        progress = decode_progress(self._cursor.load() or b"")
        if progress is None:
            return
        self.checkpoint = progress.checkpoint
        if progress.newest == self._place(progress.next_number - 1):
            self._settled = progress.settled
            self._stored = progress
        else:
            # The segments are older than the cursor, gone, or another gateway's: numbers mean
            # other batches now.
            self._store()

    def _append(self, batch: bytes, epoch: bytes, seq: int, *, summary: bool) -> int:
        faults = self._records.faults
        while True:
            self._make_room(len(batch), summary=summary)
            try:
                return self._records.append(batch, epoch, seq)
            except StorageFaultError:
                if self._records.faults > faults + 1:
                    raise
            except LogFullError as error:
                if not (self._free_oldest() or (summary and self._spend_reserve())):
                    raise OutboxFullError(
                        f"no room on the disk for the outbox: {error}; free some space"
                    ) from error

    def _spend_reserve(self) -> bool:
        released = self._reserve.release()
        self._reserve_spent = self._reserve_spent or released
        return released

    def _make_room(self, size: int, *, summary: bool) -> None:
        while self._reserve_spent and not summary:
            # What there is belongs to the summaries, until there is room beside them again.
            self._reserve_spent = not self._reserve.hold()
            if self._reserve_spent and not self._free_oldest():
                raise OutboxFullError(
                    "no room on the disk for the outbox but for summaries; free some space"
                )
        while True:
            fits = self._records.fits(size)
            taken = self._records.size_bytes + (0 if fits else self._limits.segment_bytes)
            if self._limits.allows(taken, summary=summary):
                return
            if not self._free_oldest():
                used, most = self._records.size_bytes >> 20, self._limits.max_bytes >> 20
                raise OutboxFullError(
                    f"outbox full: {used} of {most} MiB, nothing receipted to free;"
                    " raise outbox.max_mib or restore the uplink"
                )

    def _free_oldest(self) -> bool:
        return self._records.free_oldest(self._settled, self._store_up_to)

    def _store_up_to(self, first_kept: int) -> None:
        """Make durable that all below `first_kept` needs no sending, before it is unlinked."""
        self._settled = self._settled.add(0, first_kept - 1)
        self._store()

    def _store(self) -> None:
        next_number = self._records.next_number
        progress = Progress(
            next_number=next_number,
            newest=self._place(next_number - 1),
            settled=self._settled,
            checkpoint=self.checkpoint,
        )
        self._cursor.store(encode_progress(progress))
        self._stored = progress

    def _place(self, number: int | None) -> Place | None:
        return None if number is None else self._records.held.position(number)


def _spelled(place: Place | None) -> tuple[str, int] | None:
    return None if place is None else (place[0].hex(), place[1])
