"""How far the cloud has come with the outbox, as the few bytes that a cursor file holds.

Used by `edge.outbox.outbox`. Pure. Forgetting costs duplicates, which the cloud drops, never a
batch: what does not fit is left out.
"""

from dataclasses import dataclass
from itertools import islice

from edge.runs import NONE, Runs
from evidence import cbor
from evidence.errors import WireError

VERSION = 1
MAX_RUNS = 16  # 16 x 19 bytes with the checkpoint stay below the 492 of a slot

Checkpoint = tuple[int, bytes]
Place = tuple[bytes, int]
"""Epoch and seq of a batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The records that need no sending, and the newest head of the cloud's log.

    `next_number` and the batch before it say which log this is of: numbers of another log mean
    other batches.
    """

    next_number: int = 0
    newest: Place | None = None
    settled: Runs = NONE
    checkpoint: Checkpoint | None = None


def encode_progress(progress: Progress) -> bytes:
    """Return the bytes for the cursor."""
    runs = [list(span) for span in islice(progress.settled.spans, MAX_RUNS)]
    return cbor.encode(
        [VERSION, progress.next_number, progress.newest, runs, progress.checkpoint]
    )


def decode_progress(blob: bytes) -> Progress | None:
    """Return what `encode_progress` wrote, or None for anything else."""
    try:
        item = cbor.decode(blob)
    except WireError:
        return None
    match item:
        case [
            1,
            int() as next_number,
            newest,
            list() as runs,
            checkpoint,
        ]:
            return Progress(
                next_number=next_number,
                newest=_place(newest),
                settled=_runs(runs),
                checkpoint=_checkpoint(checkpoint),
            )
        case _:
            return None


def _place(item: object) -> Place | None:
    match item:
        case [bytes() as epoch, int() as seq]:
            return epoch, seq
        case _:
            return None


def _checkpoint(item: object) -> Checkpoint | None:
    match item:
        case [int() as size, bytes() as root]:
            return size, root
        case _:
            return None


def _runs(items: list[object]) -> Runs:
    runs = NONE
    for item in items:
        match item:
            case [int() as low, int() as high]:
                runs = runs.add(low, high)
            case _:
                return NONE
    return runs
