"""`ingest-outbox`: a dead gateway's memory card, taken in under the same checks as its link.

Every batch of the card's segment log goes through `cloud.ingest`; what is not signed by an
enrolled key is refused and quarantined as if it had come over the network. The card is only
read. Through the server when one runs, else with the archive opened here.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from cloud.config import Config
from cloud.errors import OperatorError
from cloud.opening import open_core, submit_card
from cloud.spool import answer, leave
from evidence.batch import MAX_BATCH_BYTES
from evidence.errors import LogInUseError, WireError
from evidence.outcome import MAX_SEQUENCE_BYTES, MAX_SEQUENCE_ITEMS, split_sequence
from evidence.segment import Found, Rot
from evidence.segment_file import list_segments, open_segment

OUTBOX = "outbox"
ANSWER_S = 60.0
_POLL_S = 0.05


def ingest_outbox(
    config: Config, folder: Path, on_progress: Callable[[int], None]
) -> Counter[str]:
    """Take in every batch of the card in `folder`; return how many had which outcome.

    Args:
        config: of the server.
        folder: the gateway's state folder, or its `outbox` folder.
        on_progress: told how many batches are through.

    Raises:
        OperatorError: no outbox there, or the server does not answer.
    """
    segments = _segments(folder)
    counts: Counter[str] = Counter()
    try:
        core = open_core(config)
    except LogInUseError:
        _send(segments, counts, on_progress, lambda part: _through_server(config, part))
        return counts
    with core:
        _send(segments, counts, on_progress, lambda part: submit_card(core, part))
    return counts


def _send(
    segments: list[Path],
    counts: Counter[str],
    on_progress: Callable[[int], None],
    submit: Callable[[list[bytes]], Counter[str]],
) -> None:
    done = 0
    for part in _parts(segments, counts):
        counts.update(submit(part))
        done += len(part)
        on_progress(done)


def _through_server(config: Config, part: list[bytes]) -> Counter[str]:
    name = leave(config.state_dir, "card", b"".join(part))
    deadline_s = time.monotonic() + ANSWER_S
    while time.monotonic() < deadline_s:
        found = answer(config.state_dir, name)
        if found is not None:
            return Counter(found)
        time.sleep(_POLL_S)
    raise OperatorError(
        f"the server that holds {config.archive_dir} does not answer; is it hanging?"
    )


def _segments(folder: Path) -> list[Path]:
    for place in (folder / OUTBOX, folder):
        if place.is_dir() and (found := list_segments(place)):
            return found
    raise OperatorError(f"{folder} holds no outbox; give the gateway's state folder")


def _parts(segments: list[Path], counts: Counter[str]) -> Iterator[list[bytes]]:
    """Yield the batches of the card in order, as many at once as one request takes."""
    part: list[bytes] = []
    size = 0
    for data in _batches(segments, counts):
        if len(part) == MAX_SEQUENCE_ITEMS or size + len(data) > MAX_SEQUENCE_BYTES:
            yield part
            part, size = [], 0
        part.append(data)
        size += len(data)
    if part:
        yield part


def _batches(segments: list[Path], counts: Counter[str]) -> Iterator[bytes]:
    for path in segments:
        for item in open_segment(path).walk():
            match item:
                case Found(payload=payload) if _is_envelope(payload):
                    yield payload
                case Found():
                    counts["refused profile"] += 1
                case Rot(first_seq=first_seq, last_seq=last_seq):
                    counts["damaged"] += last_seq - first_seq + 1
                case _:
                    pass


def _is_envelope(data: bytes) -> bool:
    """Return whether `data` can stand in a sequence: what cannot would hide what follows."""
    try:
        return len(data) <= MAX_BATCH_BYTES and split_sequence(data) == [data]
    except WireError:
        return False
