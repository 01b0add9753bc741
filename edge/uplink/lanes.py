"""Which batch to send next: alarms first, then live data, then the backlog at a bounded rate.

Pure. A batch is named by its number in the outbox. Live data overtake the backlog, so that a
month of catching up never hides what a refrigerator does now; the backlog always keeps a share.
"""

from dataclasses import dataclass, replace
from itertools import islice

from edge.runs import NONE, Runs

URGENT_MAX = 64  # more alarm batches than this in one outage wait their turn in the backlog
LIVE_MAX = 64
LIVE_SHARE = 4  # one part in this many of the window is never given to the backlog


@dataclass(frozen=True, slots=True, kw_only=True)
class Lanes:
    """What waits to be sent; no number is in two lanes.

    `alarms` are the alarm batches that are not settled yet, waiting or not: sent again, they go
    before everything else again.
    """

    urgent: tuple[int, ...] = ()
    live: tuple[int, ...] = ()
    backlog: Runs = NONE
    alarms: Runs = NONE
    tokens: float = 0.0
    refilled_ms: int = 0

    @property
    def empty(self) -> bool:
        """Return whether nothing waits."""
        return not (self.urgent or self.live or self.backlog)


def add(lanes: Lanes, number: int, *, alarm: bool, up: bool) -> Lanes:
    """Return the lanes with a batch that was just sealed."""
    if alarm and len(lanes.alarms) < URGENT_MAX:
        alarms = lanes.alarms.add(number, number)
        return replace(lanes, urgent=(*lanes.urgent, number), alarms=alarms)
    if not up:
        return replace(lanes, backlog=lanes.backlog.add(number, number))
    live, backlog = (*lanes.live, number), lanes.backlog
    if len(live) > LIVE_MAX:
        backlog, live = backlog.add(live[0], live[0]), live[1:]
    return replace(lanes, live=live, backlog=backlog)


def put_back(lanes: Lanes, numbers: Runs) -> Lanes:
    """Return the lanes with batches that must be sent again, alarms first."""
    fresh = numbers.minus(Runs.of((*lanes.urgent, *lanes.live)))
    urgent = tuple(n for n in lanes.alarms if n in fresh)
    backlog = lanes.backlog.union(fresh.minus(Runs.of(urgent)))
    return replace(lanes, urgent=tuple(sorted((*lanes.urgent, *urgent))), backlog=backlog)


def drop(lanes: Lanes, numbers: Runs) -> Lanes:
    """Return the lanes without batches that do not wait any more."""
    return replace(
        lanes,
        urgent=tuple(n for n in lanes.urgent if n not in numbers),
        live=tuple(n for n in lanes.live if n not in numbers),
        backlog=lanes.backlog.minus(numbers),
    )


def forget(lanes: Lanes, numbers: Runs) -> Lanes:
    """Return the lanes without batches that are settled for good."""
    return replace(lanes, alarms=lanes.alarms.minus(numbers))


def on_link_up(lanes: Lanes, *, at_ms: int) -> Lanes:
    """Return the lanes with the newest batch in the live lane and an empty token bucket.

    The newest first: it shows the present value at once, and its receipt may cover all that was
    archived before the link broke. The backlog starts a moment later, so as not to repeat that.
    """
    newest = lanes.backlog.last
    lanes = replace(lanes, tokens=0.0, refilled_ms=at_ms)
    if newest is None or lanes.live:
        return lanes
    return replace(lanes, live=(newest,), backlog=lanes.backlog.remove(newest, newest))


def pick(
    lanes: Lanes, *, free: int, limit: int, rate_per_s: float, at_ms: int
) -> tuple[Lanes, tuple[int, ...]]:
    """Return the numbers to send now, at most `free` of a window of `limit`."""
    lanes = _refill(lanes, rate_per_s=rate_per_s, at_ms=at_ms)
    urgent = lanes.urgent[:free]
    live = lanes.live[: free - len(urgent)]
    taken = (*urgent, *live)
    room = backlog_room(lanes, free=free - len(taken), limit=limit)
    room = min(room, int(lanes.tokens))
    lanes = replace(lanes, urgent=lanes.urgent[len(urgent) :], live=lanes.live[len(live) :])
    oldest = _oldest(lanes.backlog, room)
    lanes = drop(lanes, Runs.of(oldest)) if oldest else lanes
    return replace(lanes, tokens=lanes.tokens - len(oldest)), (*taken, *oldest)


def backlog_room(lanes: Lanes, *, free: int, limit: int) -> int:
    """Return how many backlog batches the window takes now, tokens aside."""
    return max(0, free - limit // LIVE_SHARE) if lanes.backlog else 0


def backlog_due_ms(lanes: Lanes, *, rate_per_s: float) -> int:
    """Return when the bucket next holds a whole token."""
    return lanes.refilled_ms + int(max(0.0, 1 - lanes.tokens) / rate_per_s * 1000) + 1


def _refill(lanes: Lanes, *, rate_per_s: float, at_ms: int) -> Lanes:
    elapsed_s = max(0, at_ms - lanes.refilled_ms) / 1000
    burst = max(1.0, rate_per_s)
    return replace(
        lanes, tokens=min(burst, lanes.tokens + elapsed_s * rate_per_s), refilled_ms=at_ms
    )


def _oldest(backlog: Runs, room: int) -> tuple[int, ...]:
    if room <= 0:
        return ()
    return tuple(islice(backlog, room))
