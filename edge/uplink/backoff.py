"""When to try the cloud again, given how the link was lost.

Pure. Two kinds of loss want opposite answers. A server that cannot be reached costs it nothing
to be tried: the ceiling is a few seconds, so that the gateway is back within 5 s of its link.
A server that was reached and refused is overloaded, or we are wrong: the ceiling is minutes.
Both use full jitter, so that a region that returns at once does not knock in step.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto

FIRST_CEILING_MS = 250
MAX_DOUBLINGS = 20  # 250 ms doubled 20 times is beyond any ceiling


class Loss(Enum):
    """Why there is no link."""

    UNREACHED = auto()  # no answer: refused port, no route, silence
    REFUSED = auto()  # an answer, and it was no


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How often in a row the link was lost in each way; `retry_at_ms` is monotonic time."""

    unreached: int = 0
    refused: int = 0
    retry_at_ms: int = 0
    last: Loss = Loss.UNREACHED


def after_loss(
    backoff: Backoff, loss: Loss, *, at_ms: int, draw: float, ceilings_ms: tuple[int, int]
) -> Backoff:
    """Return when to try again.

    Args:
        backoff: the losses so far.
        loss: the one that happened at `at_ms`.
        at_ms: monotonic time.
        draw: uniform in [0, 1).
        ceilings_ms: the longest wait after (unreached, refused).
    """
    unreached, refused = backoff.unreached, backoff.refused
    if loss is Loss.UNREACHED:
        unreached = min(unreached + 1, MAX_DOUBLINGS)
        ceiling_ms = min(FIRST_CEILING_MS << unreached - 1, ceilings_ms[0])
    else:
        refused = min(refused + 1, MAX_DOUBLINGS)
        ceiling_ms = min(FIRST_CEILING_MS << refused - 1, ceilings_ms[1])
    return Backoff(
        unreached=unreached,
        refused=refused,
        retry_at_ms=at_ms + int(draw * ceiling_ms),
        last=loss,
    )


def after_own_link_up(backoff: Backoff, *, at_ms: int, draw: float) -> Backoff:
    """Return when to try again now that this gateway's own network came up.

    A server that refused is still left alone: our cable does not change its mind.
    """
    if backoff.last is Loss.REFUSED:
        return backoff
    soon_ms = at_ms + int(draw * FIRST_CEILING_MS)
    return replace(backoff, unreached=0, retry_at_ms=min(backoff.retry_at_ms, soon_ms))


def after_answer(backoff: Backoff) -> Backoff:
    """Return the state after any signed answer: the failures before it no longer count."""
    return backoff if not (backoff.unreached or backoff.refused) else Backoff()
