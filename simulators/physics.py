"""How warm a cooled cabinet is, given how warm it was.

Used by `simulators.refrigerator`. Pure: `step` takes a state, what surrounds the cabinet and a
time span, and returns the next state; no clock and no randomness. One thermal node (air with
its load) behind a wall, a second path through an open door, a thermostat with hysteresis, timed
defrost, and a probe that follows the air with a lag. Resistances, heat capacity and cooling
power follow github.com/phoenixgh-org/ems-data-simulator.

Times are seconds of the *scenario*, which may run faster than the clock on the wall.
"""

import math
from dataclasses import dataclass, replace

SUBSTEP_S = 5.0  # the thermostat looks this often; a longer step is cut into these
RH_TAU_S = 300.0  # how fast moisture settles, door shut
RH_DOOR_TAU_S = 40.0
RH_COOLING = 48.0  # per cent: a running evaporator dries the air
RH_RESTING = 58.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cabinet:
    """What a cabinet is built like; the defaults are a refrigerator for 2 to 8 degrees."""

    wall_k_per_w: float = 0.12
    door_k_per_w: float = 0.15
    heat_j_per_k: float = 15_000.0
    cooling_w: float = 300.0
    cut_in_c: float = 5.5
    cut_out_c: float = 3.8
    probe_tau_s: float = 20.0
    defrost_every_s: float = 6 * 3600.0
    defrost_first_s: float = 2 * 3600.0
    defrost_s: float = 300.0
    defrost_stop_c: float = 6.2


REFRIGERATOR = Cabinet()
# 阴凉库: a small insulated room at or below 20 degrees.
COOL_ROOM = Cabinet(
    wall_k_per_w=0.02,
    door_k_per_w=0.03,
    heat_j_per_k=600_000.0,
    cooling_w=2_000.0,
    cut_in_c=17.0,
    cut_out_c=14.5,
    probe_tau_s=60.0,
    defrost_every_s=12 * 3600.0,
    defrost_stop_c=17.5,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What acts on a cabinet in one step; `capacity` is the share of cooling it can give."""

    ambient_c: float
    ambient_rh: float = 60.0
    door_open: bool = False
    mains_on: bool = True
    capacity: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A cabinet at scenario time `at_s`."""

    at_s: float
    air_c: float
    probe_c: float
    rh: float
    compressor_on: bool
    defrost_left_s: float


def at_rest(cabinet: Cabinet, at_s: float) -> State:
    """Return a cabinet that has long been running and was last opened long ago."""
    middle = (cabinet.cut_in_c + cabinet.cut_out_c) / 2
    return State(
        at_s=at_s,
        air_c=middle,
        probe_c=middle,
        rh=(RH_COOLING + RH_RESTING) / 2,
        compressor_on=False,
        defrost_left_s=0.0,
    )


def step(cabinet: Cabinet, state: State, around: Surroundings, dt_s: float) -> State:
    """Return `state` after `dt_s` seconds in constant surroundings; `dt_s` >= 0."""
    parts = max(1, math.ceil(dt_s / SUBSTEP_S)) if dt_s > 0 else 0
    for _ in range(parts):
        state = _substep(cabinet, state, around, dt_s / parts)
    return state


def _substep(cabinet: Cabinet, state: State, around: Surroundings, dt_s: float) -> State:
    defrost_left_s = _defrost_left_s(cabinet, state, around, dt_s)
    calls = _thermostat(cabinet, state)
    # The door switch stops the compressor, as in most glass-door cabinets.
    cooling = calls and around.mains_on and not around.door_open and defrost_left_s <= 0
    watts = cabinet.cooling_w * around.capacity if cooling else 0.0
    return replace(
        state,
        at_s=state.at_s + dt_s,
        air_c=_air_c(cabinet, state.air_c, around, watts, dt_s),
        probe_c=_towards(state.probe_c, state.air_c, dt_s / cabinet.probe_tau_s),
        rh=_rh(state.rh, around, dt_s, cooling=cooling),
        compressor_on=cooling,
        defrost_left_s=defrost_left_s,
    )


def _thermostat(cabinet: Cabinet, state: State) -> bool:
    if state.air_c >= cabinet.cut_in_c:
        return True
    return state.compressor_on and state.air_c > cabinet.cut_out_c


def _defrost_left_s(cabinet: Cabinet, state: State, around: Surroundings, dt_s: float) -> float:
    if not around.mains_on or state.air_c >= cabinet.defrost_stop_c:
        return 0.0
    phase_s = (state.at_s - cabinet.defrost_first_s) % cabinet.defrost_every_s
    if phase_s < dt_s and state.at_s >= cabinet.defrost_first_s:
        return cabinet.defrost_s
    return max(0.0, state.defrost_left_s - dt_s)


def _air_c(
    cabinet: Cabinet, air_c: float, around: Surroundings, watts: float, dt_s: float
) -> float:
    leak_w_per_k = 1.0 / cabinet.wall_k_per_w
    if around.door_open:
        leak_w_per_k += 1.0 / cabinet.door_k_per_w
    settles_at_c = around.ambient_c - watts / leak_w_per_k
    return _towards(air_c, settles_at_c, dt_s * leak_w_per_k / cabinet.heat_j_per_k)


def _rh(rh: float, around: Surroundings, dt_s: float, *, cooling: bool) -> float:
    if around.door_open:
        return _towards(rh, around.ambient_rh, dt_s / RH_DOOR_TAU_S)
    return _towards(rh, RH_COOLING if cooling else RH_RESTING, dt_s / RH_TAU_S)


def _towards(value: float, goal: float, time_constants: float) -> float:
    return goal + (value - goal) * math.exp(-time_constants)
