"""What the uplink does next: `step(policy, state, event)` returns the new state and actions.

Pure: no clock, no socket, no disk, no chance; `edge.uplink.session` obeys. A batch is named by
its number in the outbox and leaves this state only by a receipt or a final refusal.

    in a lane --send--> in flight --archived--> archived --receipt--> gone
        ^                  |  silence, link lost     |                  ^
        +------------------+-------------------------+    refused ------+

Alive means: a signed answer within `answer_timeout_ms` of the oldest unanswered send. A gateway
told to slow down is alive and waits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import assert_never

from edge.runs import NONE, Runs
from edge.uplink import lanes as lane
from edge.uplink.backoff import (
    Backoff,
    Loss,
    after_answer,
    after_loss,
    after_own_link_up,
)
from edge.uplink.events import (
    Action,
    Answer,
    ArchivedSoFar,
    Configured,
    Connect,
    Connected,
    Disconnect,
    Event,
    Heard,
    Lost,
    OpenEpoch,
    OwnLinkUp,
    Receipted,
    Refused,
    Sealed,
    Send,
    SetAside,
    SlowDown,
    Tick,
    Wanted,
)
from evidence.outcome import Retry

RESEND_TIMEOUTS = 3  # one batch unanswered for so long while others are: lost on the way
RECEIPT_TIMEOUTS = 6  # archived for so long without a receipt: ask for one again
LATER_MS = 60_000  # a batch refused "later" waits about so long
LATER_MAX = 64
MAX_HOLD_S = 300


class Phase(Enum):
    """Whether there is a link."""

    DOWN = auto()
    CONNECTING = auto()
    UP = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How the uplink behaves; one constant value per process."""

    window: int = 32
    answer_timeout_ms: int = 10_000
    refused_ceiling_ms: int = 300_000
    unreached_ceiling_ms: int = 4_000
    backlog_per_s: float = 20.0

    @property
    def resend_after_ms(self) -> int:
        """How long one batch may stay unanswered while others are answered."""
        return RESEND_TIMEOUTS * self.answer_timeout_ms

    @property
    def receipt_patience_ms(self) -> int:
        """How long an archived batch may stay without a receipt."""
        return RECEIPT_TIMEOUTS * self.answer_timeout_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where every batch that is not yet receipted stands.

    `in_flight` maps a number to when it was sent and not yet answered; `limit` is the window in
    force; nothing is sent before `hold_until_ms`.
    """

    phase: Phase = Phase.DOWN
    backoff: Backoff = field(default_factory=Backoff)
    lanes: lane.Lanes = field(default_factory=lane.Lanes)
    in_flight: Mapping[int, int] = field(default_factory=dict)
    archived: Runs = NONE
    later: tuple[tuple[int, int], ...] = ()
    limit: int = 32
    hold_until_ms: int = 0
    heard_ms: int = 0
    archived_ms: int = 0

    @property
    def idle(self) -> bool:
        """Return whether every batch has its outcome."""
        return self.lanes.empty and not (self.in_flight or self.archived or self.later)


Step = tuple[State, tuple[Action, ...]]


def start(policy: Policy, unreceipted: Runs) -> State:
    """Return the state at process start: what the outbox still holds is backlog."""
    return State(lanes=lane.Lanes(backlog=unreceipted), limit=policy.window)


def step(policy: Policy, state: State, event: Event) -> Step:
    """Return the state after `event` and what to do about it."""
    state, actions = _take(policy, state, event)
    if state.phase is not Phase.UP:
        return state, actions
    state, sends = _fill(policy, state, event.at_ms)
    return state, (*actions, *sends)


def next_tick_ms(policy: Policy, state: State) -> int | None:
    """Return when time alone changes something, or None when only an event can."""
    match state.phase:
        case Phase.DOWN:
            return state.backoff.retry_at_ms
        case Phase.CONNECTING:
            return None
        case Phase.UP:
            due = [due_ms for due_ms, _ in state.later]
            due += _lanes_due_ms(policy, state)
            if state.in_flight:
                due.append(_deadline_ms(policy, state))
                due.append(min(state.in_flight.values()) + policy.resend_after_ms)
            if state.archived:
                due.append(state.archived_ms + policy.receipt_patience_ms)
            return min(due, default=None)
        case _:
            assert_never(state.phase)


def _take(policy: Policy, state: State, event: Event) -> Step:
    match event:
        case Sealed():
            lanes = lane.add(
                state.lanes, event.number, alarm=event.alarm, up=state.phase is Phase.UP
            )
            return replace(state, lanes=lanes), ()
        case Connected():
            return _connected(state, event.at_ms), ()
        case Lost():
            return _lost(policy, state, event), ()
        case OwnLinkUp():
            backoff = after_own_link_up(state.backoff, at_ms=event.at_ms, draw=event.draw)
            return replace(state, backoff=backoff), ()
        case Tick():
            return _tick(policy, state, event)
        case _:
            return _answered(policy, state, event)


def _answered(policy: Policy, state: State, event: Answer) -> Step:
    state = _heard(policy, state, event.at_ms)
    match event:
        case Receipted():
            state = _settled(state, event.numbers)
        case ArchivedSoFar():
            state = _archived(state, event)
        case Refused():
            return _refused(state, event)
        case SlowDown():
            state = _slowed(policy, state, event)
        case Wanted():
            state = _again(state, event.numbers)
        case Heard() | Configured():
            pass
        case _:
            assert_never(event)
    return state, ()


def _connected(state: State, at_ms: int) -> State:
    lanes = lane.on_link_up(state.lanes, at_ms=at_ms)
    return replace(state, phase=Phase.UP, lanes=lanes, heard_ms=at_ms)


def _lost(policy: Policy, state: State, event: Lost) -> State:
    if state.phase is Phase.DOWN:
        return state
    backoff = after_loss(
        state.backoff,
        event.loss,
        at_ms=max(event.at_ms, state.hold_until_ms),
        draw=event.draw,
        ceilings_ms=(policy.unreached_ceiling_ms, policy.refused_ceiling_ms),
    )
    unsure = Runs.of(state.in_flight).union(state.archived)
    lanes = replace(state.lanes, live=())
    waiting = unsure.union(Runs.of(state.lanes.live))
    return replace(
        state,
        phase=Phase.DOWN,
        backoff=backoff,
        lanes=lane.put_back(lanes, waiting),
        in_flight={},
        archived=NONE,
    )


def _heard(policy: Policy, state: State, at_ms: int) -> State:
    limit = state.limit
    if at_ms >= state.hold_until_ms:
        limit = min(limit + 1, policy.window)
    backoff = after_answer(state.backoff)
    return replace(state, heard_ms=max(state.heard_ms, at_ms), limit=limit, backoff=backoff)


def _settled(state: State, numbers: Runs) -> State:
    """Forget `numbers` for good."""
    state = _taken_out(state, numbers)
    return replace(state, lanes=lane.forget(state.lanes, numbers))


def _taken_out(state: State, numbers: Runs) -> State:
    """Take `numbers` out of wherever they wait."""
    return replace(
        state,
        lanes=lane.drop(state.lanes, numbers),
        in_flight={n: at for n, at in state.in_flight.items() if n not in numbers},
        archived=state.archived.minus(numbers),
        later=tuple((due, n) for due, n in state.later if n not in numbers),
    )


def _archived(state: State, event: ArchivedSoFar) -> State:
    sent = Runs.of(n for n in state.in_flight if n in event.numbers)
    state = _taken_out(state, sent)
    return replace(state, archived=state.archived.union(sent), archived_ms=event.at_ms)


def _refused(state: State, event: Refused) -> Step:
    number = Runs.of((event.number,))
    state = _taken_out(state, number)
    match event.retry:
        case Retry.NEVER:
            return _settled(state, number), (SetAside(event.number, event.code),)
        case Retry.NEW_EPOCH:
            return _settled(state, number), (
                SetAside(event.number, event.code),
                OpenEpoch(event.epoch),
            )
        case Retry.LATER if len(state.later) < LATER_MAX:
            due_ms = event.at_ms + int((0.5 + event.draw) * LATER_MS)
            return replace(state, later=(*state.later, (due_ms, event.number))), ()
        case Retry.LATER:
            return replace(state, lanes=lane.put_back(state.lanes, number)), ()
        case _:
            assert_never(event.retry)


def _slowed(policy: Policy, state: State, event: SlowDown) -> State:
    pause_ms = min(max(event.pause_s, 0), MAX_HOLD_S) * 1000
    # What has no answer yet may not have been taken: it is sent again after the pause.
    state = _again(state, Runs.of(state.in_flight))
    return replace(
        state,
        limit=min(max(event.window, 1), policy.window),
        hold_until_ms=max(state.hold_until_ms, event.at_ms + pause_ms),
    )


def _tick(policy: Policy, state: State, event: Tick) -> Step:
    match state.phase:
        case Phase.DOWN:
            if event.at_ms < state.backoff.retry_at_ms:
                return state, ()
            return replace(state, phase=Phase.CONNECTING), (Connect(),)
        case Phase.CONNECTING:
            return state, ()
        case Phase.UP:
            if state.in_flight and event.at_ms >= _deadline_ms(policy, state):
                lost = Lost(event.at_ms, Loss.UNREACHED, event.draw)
                return _lost(policy, state, lost), (Disconnect(),)
            return _overdue(policy, state, event.at_ms), ()
        case _:
            assert_never(state.phase)


def _overdue(policy: Policy, state: State, at_ms: int) -> State:
    """Put back what waited too long on a link that lives."""
    again = [n for due_ms, n in state.later if due_ms <= at_ms]
    sent_by_ms = at_ms - policy.resend_after_ms
    again += [n for n, sent_ms in state.in_flight.items() if sent_ms <= sent_by_ms]
    newest = state.archived.last
    if newest is not None and state.archived_ms + policy.receipt_patience_ms <= at_ms:
        again.append(newest)
        state = replace(state, archived_ms=at_ms)
    if not again:
        return state
    return _again(state, Runs.of(again))


def _again(state: State, numbers: Runs) -> State:
    state = _taken_out(state, numbers)
    return replace(state, lanes=lane.put_back(state.lanes, numbers))


def _deadline_ms(policy: Policy, state: State) -> int:
    since_ms = max(min(state.in_flight.values()), state.heard_ms, state.hold_until_ms)
    return since_ms + policy.answer_timeout_ms


def _lanes_due_ms(policy: Policy, state: State) -> list[int]:
    """Return when time alone lets the next batch leave; a full window waits for an answer."""
    if state.lanes.empty or _free(state) <= 0:
        return []
    if state.lanes.refilled_ms < state.hold_until_ms:
        return [state.hold_until_ms]
    if not lane.backlog_room(state.lanes, free=_free(state), limit=state.limit):
        return []
    return [lane.backlog_due_ms(state.lanes, rate_per_s=policy.backlog_per_s)]


def _free(state: State) -> int:
    return state.limit - len(state.in_flight)


def _fill(policy: Policy, state: State, at_ms: int) -> Step:
    free = _free(state)
    if free <= 0 or at_ms < state.hold_until_ms or state.lanes.empty:
        return state, ()
    lanes, numbers = lane.pick(
        state.lanes, free=free, limit=state.limit, rate_per_s=policy.backlog_per_s, at_ms=at_ms
    )
    state = replace(state, lanes=lanes)
    if not numbers:
        return state, ()
    in_flight = {**state.in_flight, **dict.fromkeys(numbers, at_ms)}
    return replace(state, in_flight=in_flight), (Send(numbers),)
