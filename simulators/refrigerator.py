"""One simulated refrigerator or cool room: physics, chance, and what somebody does to it.

Used by the Modbus and MQTT devices, which sample it when they are asked. Time is given by the
caller and only moves forward. `Tampering` is what a test or the demo imposes: a door held open,
the mains cut, a dead compressor, a leak.
"""

from dataclasses import dataclass, field

from simulators.chance import gauss, uniform
from simulators.happenings import (
    HABITS,
    Habit,
    Span,
    ambient_c,
    door_is_open,
    leaking_capacity,
    mains_are_on,
)
from simulators.physics import REFRIGERATOR, Cabinet, State, Surroundings, at_rest, step

LOOK_EVERY_S = 15.0  # surroundings are taken as constant for this long
SENSOR_NOISE_C = 0.04
SENSOR_NOISE_RH = 0.3
NOTHING = Span(0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What could be measured at one moment; temperatures in degrees Celsius, humidity in %."""

    at_s: float
    probe_c: float
    air_c: float
    rh: float
    door_open: bool
    mains_on: bool
    compressor_on: bool
    defrosting: bool
    ambient_c: float


@dataclass(slots=True, kw_only=True)
class Tampering:
    """What has been done to the cabinet from outside, in scenario seconds."""

    door_held: Span = NOTHING
    mains_cut: Span = NOTHING
    compressor_dead: Span = NOTHING
    leak_since_s: float | None = None


@dataclass(slots=True, kw_only=True)
class Refrigerator:
    """A cabinet that lives in scenario time; `sample` moves it on and looks at it."""

    name: str
    seed: int
    cabinet: Cabinet = REFRIGERATOR
    habit: Habit = field(default_factory=lambda: HABITS["normal"])
    outages: bool = True
    start_s: float = 0.0
    tampering: Tampering = field(default_factory=Tampering)
    _state: State = field(init=False, repr=False)
    _door_seed: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Weather and mains are the same for every cabinet of a site, people are not.
        self._door_seed = int(uniform(self.seed, "door of", self.name) * 2**53)
        self._state = at_rest(self.cabinet, self.start_s)

    def sample(self, at_s: float) -> Sample:
        """Return what is measured at `at_s`; a time already passed gives the present state.

        The stored state moves in fixed steps only, so the answer does not depend on how often
        somebody asks.
        """
        while at_s >= self._state.at_s + LOOK_EVERY_S:
            self._state = self._stepped(LOOK_EVERY_S)
        return self._measured(self._stepped(max(0.0, at_s - self._state.at_s)))

    def hold_door(self, from_s: float, seconds: float) -> None:
        """Hold the door open from `from_s` for `seconds`."""
        self.tampering.door_held = Span(from_s, from_s + seconds)

    def cut_mains(self, from_s: float, seconds: float) -> None:
        """Take the power away from `from_s` for `seconds`."""
        self.tampering.mains_cut = Span(from_s, from_s + seconds)

    def stop_compressor(self, from_s: float, seconds: float) -> None:
        """Let the compressor fail from `from_s` for `seconds`."""
        self.tampering.compressor_dead = Span(from_s, from_s + seconds)

    def leak(self, since_s: float) -> None:
        """Let refrigerant escape slowly from `since_s` on."""
        self.tampering.leak_since_s = since_s

    def _stepped(self, dt_s: float) -> State:
        return step(self.cabinet, self._state, self._surroundings(self._state.at_s), dt_s)

    def _surroundings(self, at_s: float) -> Surroundings:
        held = self.tampering.door_held.covers(at_s)
        return Surroundings(
            ambient_c=ambient_c(self.seed, at_s),
            door_open=held or door_is_open(self._door_seed, self.habit, at_s),
            mains_on=self._mains_on(at_s),
            capacity=self._capacity(at_s),
        )

    def _mains_on(self, at_s: float) -> bool:
        if self.tampering.mains_cut.covers(at_s):
            return False
        return not self.outages or mains_are_on(self.seed, at_s)

    def _capacity(self, at_s: float) -> float:
        if self.tampering.compressor_dead.covers(at_s):
            return 0.0
        since_s = self.tampering.leak_since_s
        return 1.0 if since_s is None else leaking_capacity(at_s - since_s)

    def _measured(self, state: State) -> Sample:
        around = self._surroundings(state.at_s)
        moment = round(state.at_s * 1000)
        noise_c = SENSOR_NOISE_C * gauss(self.seed, self.name, "t", moment)
        noise_rh = SENSOR_NOISE_RH * gauss(self.seed, self.name, "rh", moment)
        return Sample(
            at_s=state.at_s,
            probe_c=state.probe_c + noise_c,
            air_c=state.air_c,
            rh=min(100.0, max(0.0, state.rh + noise_rh)),
            door_open=around.door_open,
            mains_on=around.mains_on,
            compressor_on=state.compressor_on,
            defrosting=state.defrost_left_s > 0,
            ambient_c=around.ambient_c,
        )
