"""Builders for alarm tests: limits, packs, judges and short ways to read what happened."""

from collections.abc import Iterable, Sequence

from domain.alarms.judge import PointJudge
from domain.alarms.limits import Transition
from domain.quantity import Quantity
from domain.rules.model import Direction, Limit, RulePack, Severity


def limit(
    threshold: str = "8",
    direction: Direction = Direction.HIGH,
    *,
    deadband: str = "0.3",
    delay_ms: int = 0,
    readings: int = 1,
    in_range: bool = True,
) -> Limit:
    """Return a temperature alarm limit."""
    return Limit(
        pack="TEST",
        clause="clause",
        quantity=Quantity.TEMPERATURE,
        direction=direction,
        severity=Severity.ALARM,
        threshold=threshold,
        threshold_in_range=in_range,
        delay_ms=delay_ms,
        readings=readings,
        deadband=deadband,
    )


def pack(*limits: Limit) -> RulePack:
    """Return a pack of these limits with the usual 75 s gap."""
    return RulePack(name="TEST", version=1, title_en="t", title_zh="t", limits=limits)


def judge(*limits: Limit) -> PointJudge:
    """Return a judge of temperatures in tenths."""
    return PointJudge("p", pack(*(limits or (limit(),))), Quantity.TEMPERATURE, -1)


def feed(j: PointJudge, readings: Iterable[tuple[int, int]]) -> list[Transition]:
    """Step (seconds, tenths) readings one by one; return all that happened."""
    return [told for at_s, v in readings for told in j.step(at_s * 1000, v)]


def told(transitions: Sequence[Transition]) -> list[tuple[str, int]]:
    """Return (kind, second), with `late ` before what was found late."""
    return [(f"{'late ' * t.late}{t.kind}", t.at_ms // 1000) for t in transitions]
