"""Whatever the registry and the gateway do in whatever order, alarms go on and end rightly."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from device_registry.lifecycles import POINT as POINT_LIFE
from tests.support.alarm_world import AlarmWorld, alarm_world
from tests.support.registry_world import changing
from tests.support.replaced import GATEWAY, POINT_ID, SITE, replaced

SECOND = f"{SITE}-second"
PACKS = [[], ["CN_COLD_2_8"], ["CN_COOL_20"], ["CN_COLD_2_8", "WHO_VAX"], ["WHO_VAX"]]
VALUES = [500, 1500, 2600, -60]


class Alarms(RuleBasedStateMachine):
    """Two points of one gateway, on channels 1 and 2 at first."""

    @initialize()
    def begin(self) -> None:
        self.folder = TemporaryDirectory()
        self.opened = replaced(Path(self.folder.name))
        self.world = self.opened.__enter__()
        self.world.add(SECOND, channel=2)
        self.states = {POINT_ID: "in_service", SECOND: "in_service"}
        self.world.fridges.width = 2
        self.channel = 3
        self.watched = alarm_world(
            Path(self.folder.name),
            self.world.records,
            registry=self.world.registry,
            live_from=0,
        )
        self.alarms: AlarmWorld = self.watched.__enter__()

    @rule(value=st.sampled_from(VALUES), width=st.sampled_from([1, 2]))
    def send(self, value: int, width: int) -> None:
        self.world.fridges.width = width
        self.world.fridges.send(value)
        self.alarms.settle()

    @rule(point=st.sampled_from([POINT_ID, SECOND]), packs=st.sampled_from(PACKS))
    def change_rules(self, point: str, packs: list[str]) -> None:
        self.world.put(point, rule_packs=packs)

    @rule(point=st.sampled_from([POINT_ID, SECOND]), nth=st.integers(0, 3))
    def change_point(self, point: str, nth: int) -> None:
        legal = POINT_LIFE.legal(self.states[point])
        if legal:
            self._put_point(point, legal[nth % len(legal)])

    @rule(state=st.sampled_from(["suspended", "in_service"]))
    def change_gateway(self, state: str) -> None:
        self.world.now_ms += 1_000
        with changing(self.world.store, self.world.now_ms) as change:
            change.put("gateway", GATEWAY, state=state)
        self.world.registry.refresh()

    @precondition(lambda self: self.states[POINT_ID] != "retired")
    @rule()
    def replace_the_probe(self) -> None:
        self.world.move(channel=self.channel)
        self.channel += 1

    @rule(back_ms=st.sampled_from([60_000, 3_600_000]))
    def set_the_clock_back(self, back_ms: int) -> None:
        self.world.fridges.start_ms -= back_ms

    @rule()
    def restart(self) -> None:
        self.alarms.projection.close()
        self.alarms.live_from = len(self.world.records)
        self.alarms.__post_init__()

    @rule(later_ms=st.sampled_from([1_000, 130_000]))
    def let_time_pass(self, later_ms: int) -> None:
        last_ms = self.world.records[-1].recv_ms if self.world.records else 0
        self.alarms.projection.tick(last_ms + later_ms)
        self.alarms.settle()

    @invariant()
    def no_alarm_is_about_nothing(self) -> None:
        if not hasattr(self, "alarms"):
            return
        points = {SECOND, POINT_ID, ""}
        assert {alarm.raised.point for alarm in self.alarms.projection.open_alarms()} <= points

    def teardown(self) -> None:
        if not hasattr(self, "alarms"):
            return
        self._end_everything()
        self.watched.__exit__(None, None, None)
        self.opened.__exit__(None, None, None)
        self.folder.cleanup()

    def _end_everything(self) -> None:
        """Take everything out of use: then nothing is missing and nobody is silent."""
        for point in (POINT_ID, SECOND):
            if "out_of_service" in POINT_LIFE.legal(self.states[point]):
                self._put_point(point, "out_of_service")
        self.change_gateway("suspended")
        self.send(500, 2)
        self.let_time_pass(1_000)
        still = {
            (alarm.raised.kind.value, alarm.raised.point)
            for alarm in self.alarms.projection.open_alarms()
            if alarm.state.is_active
        }
        assert ("silent", "") not in still
        assert not {point for kind, point in still if kind == "gap"}, still

    def _put_point(self, point: str, state: str) -> None:
        self.world.put(point, state=state)
        self.states[point] = state


TestAlarms = Alarms.TestCase
TestAlarms.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
