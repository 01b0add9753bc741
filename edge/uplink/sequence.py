"""What one HTTPS request carries, and how its answer is read."""

from collections import deque

from evidence.errors import WireError
from evidence.outcome import split_sequence

MAX_ITEMS = 32
MAX_BYTES = 1 << 20
MAX_ANSWER_BYTES = 4 << 20


def next_body(waiting: deque[bytes]) -> bytes:
    """Take batches off `waiting` for one request, oldest first, within the limits."""
    taken: list[bytes] = []
    size = 0
    while waiting and len(taken) < MAX_ITEMS and size + len(waiting[0]) <= MAX_BYTES:
        taken.append(waiting.popleft())
        size += len(taken[-1])
    return b"".join(taken)


def read_answer(data: bytes) -> list[bytes] | None:
    """Return the down messages of an answer, or None when it is something else."""
    try:
        return split_sequence(data, max_bytes=MAX_ANSWER_BYTES)
    except WireError:
        return None
