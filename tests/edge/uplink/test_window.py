"""The window: stories, and a machine of chance whose only law is that no batch is forgotten."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from edge.runs import Runs
from edge.uplink import window as w
from edge.uplink.backoff import Loss
from edge.uplink.events import (
    Action,
    ArchivedSoFar,
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

POLICY = w.Policy()


def run(
    state: w.State, *events: Event, policy: w.Policy = POLICY
) -> tuple[w.State, list[Action]]:
    done: list[Action] = []
    for event in events:
        state, actions = w.step(policy, state, event)
        done += actions
    return state, done


def sent(actions: list[Action]) -> list[int]:
    return [n for a in actions if isinstance(a, Send) for n in a.numbers]


def up(backlog: Runs = w.NONE, at_ms: int = 0) -> w.State:
    state, actions = run(w.start(POLICY, backlog), Tick(at_ms, 0.5))
    assert actions == [Connect()]
    return run(state, Connected(at_ms))[0]


def test_a_batch_is_sent_at_once_and_leaves_by_its_receipt() -> None:
    state, actions = run(up(), Sealed(10, 0, alarm=False))
    assert actions == [Send((0,))]
    state, actions = run(state, Receipted(50, Runs.of([0])))
    assert actions == []
    assert state.idle
    assert w.next_tick_ms(POLICY, state) is None


def test_an_alarm_overtakes_live_data_and_live_data_overtake_the_backlog() -> None:
    down = w.start(POLICY, Runs.of(range(100)))
    down, _ = run(down, Sealed(1, 100, alarm=False), Sealed(2, 101, alarm=True), Tick(3, 0.0))
    _, actions = run(down, Connected(10), Tick(1010, 0.0))
    assert sent(actions)[:4] == [101, 100, 0, 1]


def test_the_backlog_is_sent_oldest_first_at_a_bounded_rate() -> None:
    state = up(Runs.of(range(100)))
    batches: list[int] = []
    for at_ms in range(0, 2001, 50):
        state, actions = run(state, Tick(at_ms, 0.0))
        batches += (got := sent(actions))
        state, _ = run(state, Receipted(at_ms, Runs.of(got)))
    assert batches == list(range(40))  # 99 went at once as the live value; 20 per second


def test_the_backlog_never_fills_the_window() -> None:
    state = up(Runs.of(range(1000)))
    state, _ = run(state, *(Tick(at_ms, 0.0) for at_ms in range(0, 9000, 100)))
    assert len(state.in_flight) == 24
    _, actions = run(state, Sealed(9000, 1000, alarm=False))
    assert sent(actions) == [1000]


def test_silence_after_a_send_drops_the_link_and_everything_is_sent_again() -> None:
    state, _ = run(up(), Sealed(0, 0, alarm=False), Sealed(4000, 1, alarm=False))
    assert w.next_tick_ms(POLICY, state) == 10_000
    state, actions = run(state, Tick(10_000, 0.0))
    assert actions == [Disconnect()]
    state, actions = run(state, Tick(10_000, 0.0), Connected(10_001))
    assert actions == [Connect(), Send((1,))]
    _, actions = run(state, Tick(10_100, 0.0))
    assert sent(actions) == [0]


def test_any_signed_answer_keeps_the_link() -> None:
    state, _ = run(up(), Sealed(0, 0, alarm=False), Heard(9000))
    _, actions = run(state, Tick(18_999, 0.0))
    assert Disconnect() not in actions
    _, actions = run(state, Tick(19_000, 0.0))
    assert Disconnect() in actions


def test_a_batch_lost_on_a_link_that_lives_is_sent_again() -> None:
    state, _ = run(up(), Sealed(0, 0, alarm=False))
    for at_ms in range(5000, 30_000, 5000):
        state, actions = run(state, Heard(at_ms), Tick(at_ms, 0.0))
        assert actions == []
    _, actions = run(state, Heard(30_000), Tick(30_000, 0.0))
    assert sent(actions) == [0]


def test_an_archived_batch_frees_the_window_and_is_asked_for_again_without_a_receipt() -> None:
    small = w.Policy(window=1)
    state, _ = run(up(), Connected(0))
    state = replace(state, limit=1)
    state, actions = run(
        state, Sealed(0, 0, alarm=False), Sealed(1, 1, alarm=False), policy=small
    )
    assert sent(actions) == [0]
    state, actions = run(state, ArchivedSoFar(100, Runs.of([0])), policy=small)
    assert sent(actions) == [1]
    state, actions = run(state, ArchivedSoFar(200, Runs.of([1])), policy=small)
    assert w.next_tick_ms(small, state) == 200 + small.receipt_patience_ms
    _, actions = run(state, Tick(200 + small.receipt_patience_ms, 0.0), policy=small)
    assert sent(actions) == [1]  # the highest: its receipt proves the run


def test_a_gateway_told_to_slow_down_waits_and_does_not_reconnect() -> None:
    state, _ = run(up(), Sealed(0, 0, alarm=False), SlowDown(100, 1, 60))
    state, actions = run(state, Sealed(200, 1, alarm=False), Tick(59_000, 0.0))
    assert actions == []
    assert w.next_tick_ms(POLICY, state) == 60_100
    state, actions = run(state, Tick(60_100, 0.0))
    assert actions == [Send((1,))]
    state, actions = run(state, Receipted(60_200, Runs.of([1])))
    assert state.limit == 2  # grows again, one per answer
    assert actions == [Send((0,))]  # had no answer: it may not have been taken


def test_a_refusal_never_goes_to_the_evidence_folder() -> None:
    state, _ = run(up(), Sealed(0, 7, alarm=True))
    state, actions = run(state, Refused(10, 7, Retry.NEVER, 0.0))
    assert actions == [SetAside(7)]
    assert state.idle


def test_a_refusal_later_is_tried_again_after_a_while() -> None:
    state, _ = run(up(), Sealed(0, 7, alarm=False), Refused(10, 7, Retry.LATER, 0.5))
    due_ms = w.next_tick_ms(POLICY, state)
    assert due_ms == 10 + w.LATER_MS
    assert sent(run(state, Tick(due_ms - 1, 0.0))[1]) == []
    assert sent(run(state, Tick(due_ms, 0.0))[1]) == [7]


def test_a_refusal_of_the_epoch_opens_another() -> None:
    state, _ = run(up(), Sealed(0, 7, alarm=False))
    _, actions = run(state, Refused(10, 7, Retry.NEW_EPOCH, 0.0, epoch=b"epoch--1"))
    assert actions == [SetAside(7), OpenEpoch(b"epoch--1")]


def test_a_cloud_that_was_restored_gets_again_what_it_asks_for() -> None:
    _, actions = run(up(), Wanted(5000, Runs.of(range(10, 15))))
    assert sent(actions) == [10, 11, 12, 13, 14]


def test_an_unreached_cloud_is_tried_within_five_seconds_for_ever() -> None:
    state, at_ms = w.start(POLICY, w.NONE), 0
    for _ in range(50):
        state, actions = run(state, Tick(at_ms, 0.999), Lost(at_ms, Loss.UNREACHED, 0.999))
        assert actions == [Connect()]
        waited_ms = state.backoff.retry_at_ms - at_ms
        assert waited_ms < 5000
        at_ms = state.backoff.retry_at_ms
    assert waited_ms > 3000


def test_a_cloud_that_refuses_is_left_alone_for_up_to_five_minutes() -> None:
    state, at_ms, longest_ms = w.start(POLICY, w.NONE), 0, 0
    for _ in range(20):
        state, _ = run(state, Tick(at_ms, 0.999), Lost(at_ms, Loss.REFUSED, 0.999))
        longest_ms = max(longest_ms, state.backoff.retry_at_ms - at_ms)
        at_ms = state.backoff.retry_at_ms
    assert 290_000 < longest_ms <= 300_000
    later, _ = run(state, OwnLinkUp(at_ms, 0.0))
    assert later.backoff == state.backoff  # our own cable does not change its mind


def test_the_gateways_own_link_coming_up_resets_the_wait() -> None:
    state = w.start(POLICY, w.NONE)
    for _ in range(9):
        state, _ = run(state, Tick(10**9, 0.9), Lost(0, Loss.UNREACHED, 0.9))
    state, _ = run(state, OwnLinkUp(5, 0.9))
    assert state.backoff.retry_at_ms <= 5 + 250


def test_a_pause_outlives_the_link() -> None:
    state, _ = run(up(), SlowDown(0, 4, 120), Lost(10, Loss.UNREACHED, 0.0))
    assert w.next_tick_ms(POLICY, state) == 120_000


def test_an_alarm_whose_answer_was_lost_goes_first_again() -> None:
    state, _ = run(up(Runs.of(range(50))), Sealed(0, 50, alarm=True))
    state, _ = run(state, Lost(10, Loss.UNREACHED, 0.0), Tick(10, 0.0))
    _, actions = run(state, Connected(20))
    assert sent(actions)[0] == 50


class Chaos(RuleBasedStateMachine):
    """Any order of seals, answers, losses and time; the cloud of the last step is honest."""

    @initialize(backlog=st.sets(st.integers(0, 40), max_size=20))
    def begin(self, backlog: set[int]) -> None:
        self.policy = w.Policy(window=6, backlog_per_s=5.0)
        self.state = w.start(self.policy, Runs.of(backlog))
        self.at_ms = 0
        self.open = set(backlog)
        self.aside: set[int] = set()
        self.number = 41

    def feed(self, event: Event) -> None:
        self.state, actions = w.step(self.policy, self.state, event)
        for action in actions:
            match action:
                case SetAside():
                    self.aside.add(action.number)
                case Send():
                    assert set(action.numbers) <= self.open
                    assert self.at_ms >= self.state.hold_until_ms
                    assert len(self.state.in_flight) <= self.state.limit
                case _:
                    pass

    @rule(ms=st.integers(0, 40_000), draw=st.floats(0, 0.99))
    def time_passes(self, ms: int, draw: float) -> None:
        self.at_ms += ms
        self.feed(Tick(self.at_ms, draw))

    @rule(alarm=st.booleans())
    def a_batch_is_sealed(self, alarm: bool) -> None:  # noqa: FBT001
        self.open.add(self.number)
        self.number += 1
        self.feed(Sealed(self.at_ms, self.number - 1, alarm))

    @rule(ok=st.booleans(), loss=st.sampled_from(Loss), draw=st.floats(0, 0.99))
    def the_attempt_ends(self, ok: bool, loss: Loss, draw: float) -> None:  # noqa: FBT001
        if self.state.phase is w.Phase.CONNECTING:
            self.feed(Connected(self.at_ms) if ok else Lost(self.at_ms, loss, draw))

    @rule(loss=st.sampled_from(Loss), draw=st.floats(0, 0.99))
    def the_link_breaks(self, loss: Loss, draw: float) -> None:
        self.feed(Lost(self.at_ms, loss, draw))

    @rule(data=st.data())
    def the_cloud_answers(self, data: st.DataObject) -> None:
        if not self.open:
            return
        numbers = data.draw(st.sets(st.sampled_from(sorted(self.open)), max_size=5))
        match data.draw(st.sampled_from(["receipt", "archived", "wanted", "slow", "own"])):
            case "receipt":
                self.open -= numbers
                self.feed(Receipted(self.at_ms, Runs.of(numbers)))
            case "archived":
                self.feed(ArchivedSoFar(self.at_ms, Runs.of(numbers)))
            case "wanted":
                self.feed(Wanted(self.at_ms, Runs.of(numbers)))
            case "slow":
                self.feed(SlowDown(self.at_ms, data.draw(st.integers(0, 9)), 30))
            case _:
                self.feed(OwnLinkUp(self.at_ms, 0.5))

    @rule(data=st.data(), retry=st.sampled_from(Retry))
    def the_cloud_refuses(self, data: st.DataObject, retry: Retry) -> None:
        if self.open:
            number = data.draw(st.sampled_from(sorted(self.open)))
            if retry is not Retry.LATER:
                self.open.discard(number)
            self.feed(Refused(self.at_ms, number, retry, 0.5))

    @invariant()
    def every_open_batch_is_in_exactly_one_place(self) -> None:
        if not hasattr(self, "state"):
            return
        lanes = self.state.lanes
        places = [
            *lanes.urgent,
            *lanes.live,
            *lanes.backlog,
            *self.state.in_flight,
            *self.state.archived,
            *(n for _, n in self.state.later),
        ]
        assert sorted(places) == sorted(self.open)

    def teardown(self) -> None:
        """Once the faults end, all drains, and no tick is due without effect for ever."""
        if not hasattr(self, "state"):
            return
        for _ in range(400):
            if not self.open:
                return
            match self.state.phase:
                case w.Phase.CONNECTING:
                    self.feed(Connected(self.at_ms))
                case _:
                    due_ms = w.next_tick_ms(self.policy, self.state)
                    self.at_ms = max(self.at_ms, due_ms if due_ms is not None else 0)
                    self.feed(Tick(self.at_ms, 0.5))
            flown = set(self.state.in_flight)
            self.open -= flown
            self.feed(Receipted(self.at_ms, Runs.of(flown)))
        raise AssertionError(self.state)


TestChaos = Chaos.TestCase
TestChaos.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(st.integers(1, 100), st.integers(1, 64))
def test_a_window_of_any_size_drains_any_backlog(batches: int, size: int) -> None:
    policy = w.Policy(window=size)
    state, _ = run(w.start(policy, Runs.of(range(batches))), Tick(0, 0.0), policy=policy)
    state, _ = run(state, Connected(0), policy=policy)
    for _ in range(batches * 4):
        answered = Runs.of(state.in_flight)
        due_ms = w.next_tick_ms(policy, state) or 0
        state, _ = run(state, Receipted(due_ms, answered), Tick(due_ms, 0.0), policy=policy)
    assert state.idle
