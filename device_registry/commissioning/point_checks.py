"""Does a point report in the right unit and range, and did it answer a check by hand?

Pure. Compliance points are checked in full; equipment points must only report. Every finding
is about the point, also what is found on its sensor.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Final, assert_never

from device_registry.commissioning.facts import (
    Compared,
    PointFacts,
    Proof,
    ReadingFacts,
    Warmed,
)
from device_registry.commissioning.limits import Limits
from device_registry.commissioning.variants import Pair, Variant, diagnose
from domain.gsp.calibration import check_for_service
from domain.gsp.finding import Finding, Level, Words
from domain.gsp.metrology_model import metrology_for
from domain.gsp.suitability import Device, check_device
from domain.profiles.model import PointClass
from domain.quantity import PLAUSIBLE, Quantity
from domain.rules.model import DEFAULT_GAP_GRACE_S, DEFAULT_REFRESH_S

DEFAULT_ERRORS: Final[Mapping[Quantity, Decimal]] = {
    Quantity.TEMPERATURE: Decimal(1),
    Quantity.HUMIDITY: Decimal(5),
}
"""Permitted error where no metrology pack speaks of the value; only these two are compared."""
_UNITS: Final = {"Cel": "°C", "1": ""}


def check_reading(point: PointFacts) -> tuple[Finding, ...]:
    """Return whether the point reports: freshly, well, in the right unit and range."""
    reading = point.reading
    if reading is None:
        return (finding("reading.absent", point),)
    findings = []
    if (reading.quantity, reading.unit) != (str(point.quantity), point.unit):
        units = {"found": shown_unit(reading.unit), "expected": shown_unit(point.unit)}
        findings.append(finding("reading.unit", point, **units))
    elif not reading.good:
        findings.append(finding("reading.bad", point))
    elif not _in_range(point, reading):
        findings.append(finding("reading.range", point, value=_value(point, reading.value)))
    longest_s = _longest_s(point)
    if reading.age_s > longest_s:
        ages = {"age": str(reading.age_s), "permitted": str(longest_s)}
        findings.append(finding("reading.stale", point, **ages))
    value = _value(point, reading.value)
    return tuple(findings) or (_good("reading.good", point, value=value),)


def check_sensor(point: PointFacts, today: date) -> tuple[Finding, ...]:
    """Return whether the sensor suits the packs of a compliance point, and its calibration."""
    if point.point_class is PointClass.EQUIPMENT:
        return ()
    sensor = point.sensor
    if sensor is None:
        return (finding("sensor.absent", point),)
    device = Device(
        sensor=sensor.id,
        model=sensor.model,
        refresh_s=sensor.refresh_s,
        device_class=sensor.device_class,
        low=sensor.low,
        high=sensor.high,
    )
    found = check_device(device, point.point_class, point.quantity, point.rule_packs)
    if point.quantity in DEFAULT_ERRORS:
        metrology = metrology_for(tuple(pack.name for pack in point.rule_packs))
        quantities, packs = [point.quantity], point.rule_packs
        certificate = sensor.certificate
        found += check_for_service(sensor.id, certificate, packs, quantities, today, metrology)
    return tuple(replace(f, about=point.id) for f in found)


def check_proof(
    point: PointFacts, other: PointFacts | None, limits: Limits
) -> tuple[Finding, ...]:
    """Return whether a compliance point answered its check by hand.

    `other` is the second quantity of the same sensor: with it swapped registers are seen.
    """
    if point.point_class is PointClass.EQUIPMENT or point.quantity not in DEFAULT_ERRORS:
        return ()
    match point.proof:
        case None:
            return (finding("proof.absent", point),)
        case Warmed():
            return (_warmed(point, point.proof, limits),)
        case Compared():
            return (_compared(point, point.proof, other, limits),)
        case _:
            assert_never(point.proof)


def _warmed(point: PointFacts, proof: Warmed, limits: Limits) -> Finding:
    moved = proof.after - proof.before
    if point.quantity is Quantity.TEMPERATURE:
        answered, least = moved >= limits.warmed_celsius, limits.warmed_celsius
    else:
        answered, least = abs(moved) >= limits.warmed_humidity, limits.warmed_humidity
    change = {"before": _value(point, proof.before), "after": _value(point, proof.after)}
    if answered:
        return _good("proof.warmed", point, **change)
    return finding("proof.still", point, **change, least=_value(point, least))


def _compared(
    point: PointFacts, proof: Compared, other: PointFacts | None, limits: Limits
) -> Finding:
    pair = _pair(point, proof, limits)
    beside = _proof_of(other)
    second = _pair(other, beside, limits) if other is not None and beside is not None else None
    variant = diagnose(pair, second)
    values = {
        "shown": _value(point, proof.shown),
        "reference": _value(point, proof.reference),
        "tolerance": _value(point, pair.tolerance),
    }
    if variant is not Variant.MATCHES:
        return finding(f"variant.{variant}", point, **values)
    if not proof.photo:
        return finding("proof.no_photo", point)
    return _good("proof.compared", point, **values)


def _proof_of(point: PointFacts | None) -> Compared | None:
    proof: Proof | None = point.proof if point is not None else None
    return proof if isinstance(proof, Compared) else None


def _pair(point: PointFacts, proof: Compared, limits: Limits) -> Pair:
    metrology = metrology_for(tuple(pack.name for pack in point.rule_packs))
    permitted = metrology.permitted_error(point.quantity, proof.reference)
    error = permitted if permitted is not None else DEFAULT_ERRORS[point.quantity]
    return Pair(
        shown=proof.shown,
        reference=proof.reference,
        tolerance=error * limits.compared_errors,
    )


def _in_range(point: PointFacts, reading: ReadingFacts) -> bool:
    low, high = PLAUSIBLE[point.quantity]
    sensor = point.sensor
    if sensor is not None and sensor.low is not None and reading.value < sensor.low:
        return False
    if sensor is not None and sensor.high is not None and reading.value > sensor.high:
        return False
    return low <= reading.value <= high


def _longest_s(point: PointFacts) -> int:
    default = DEFAULT_REFRESH_S + DEFAULT_GAP_GRACE_S
    return min((p.refresh_s + p.gap_grace_s for p in point.rule_packs), default=default)


def shown_unit(unit: str) -> str:
    """Return a UCUM code as people write it."""
    return _UNITS.get(unit, unit)


def _value(point: PointFacts, value: Decimal) -> str:
    return f"{value} {shown_unit(point.unit)}".rstrip()


def finding(key: str, point: PointFacts, **args: str | Words) -> Finding:
    """Return a refusal about a point."""
    return Finding(key=key, level=Level.REFUSE, about=point.id, args=args)


def _good(key: str, point: PointFacts, **args: str | Words) -> Finding:
    return Finding(key=key, level=Level.PASS, about=point.id, args=args)
