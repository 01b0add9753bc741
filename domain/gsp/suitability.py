"""Can this device be a compliance point under these packs at all? Says why not.

Pure. A sleepy sensor that wakes every ten minutes cannot refresh within 60 s; a controller's
own probe is equipment, never a compliance point; a probe that ends at -40 °C proves no -80.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from domain.gsp.finding import Finding, Level, Words
from domain.profiles.model import PointClass
from domain.quantity import Quantity
from domain.rules.model import RulePack


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What is known of a sensor and of the profile it is read by."""

    sensor: str
    """Id; findings are about it."""
    model: str
    refresh_s: int
    """How often it gives a new value at the slowest: its poll period, or its wake-up period."""
    device_class: PointClass = PointClass.COMPLIANCE
    low: Decimal | None = None
    high: Decimal | None = None
    """Range of measurement of the point's quantity, default unit."""


def refresh_of(sensor_refresh_s: int, poll_s: int) -> int:
    """Return how old a value can be: polling faster than the device refreshes gains nothing."""
    return max(sensor_refresh_s, poll_s)


def check_device(
    device: Device, point_class: PointClass, quantity: Quantity, packs: Sequence[RulePack]
) -> tuple[Finding, ...]:
    """Return the reasons why the device cannot serve as this point; empty when it can.

    Equipment points are under no pack: everything suits them.
    """
    if point_class is PointClass.EQUIPMENT:
        return ()
    if device.device_class is PointClass.EQUIPMENT:
        return (_finding("suitability.equipment", device, clause="", clause_zh=""),)
    findings = []
    for pack in packs:
        if device.refresh_s > pack.refresh_s:
            findings.append(_too_slow(device, pack))
        if _out_of_reach(device, quantity, pack):
            findings.append(_short_range(device, quantity, pack))
    return tuple(findings)


def _too_slow(device: Device, pack: RulePack) -> Finding:
    clauses = (
        ("GSP Annex 3 art. 5", "GSP 附录3 第五条")
        if pack.name.startswith("CN_")
        else (pack.title_en, pack.title_zh)
    )
    return _finding(
        "suitability.too_slow",
        device,
        clause=clauses[0],
        clause_zh=clauses[1],
        refresh=str(device.refresh_s),
        permitted=str(pack.refresh_s),
        pack=Words(zh=pack.title_zh, en=pack.title_en),
    )


def _out_of_reach(device: Device, quantity: Quantity, pack: RulePack) -> bool:
    limits = [Decimal(limit.threshold) for limit in pack.limits_of(quantity)]
    too_low = device.low is not None and any(limit < device.low for limit in limits)
    too_high = device.high is not None and any(limit > device.high for limit in limits)
    return too_low or too_high


def _short_range(device: Device, quantity: Quantity, pack: RulePack) -> Finding:
    limits = [Decimal(limit.threshold) for limit in pack.limits_of(quantity)]
    return _finding(
        "suitability.range",
        device,
        clause=pack.title_en,
        clause_zh=pack.title_zh,
        low=str(device.low),
        high=str(device.high),
        least=str(min(limits)),
        most=str(max(limits)),
    )


def _finding(
    key: str, device: Device, *, clause: str, clause_zh: str, **args: str | Words
) -> Finding:
    return Finding(
        key=key,
        level=Level.REFUSE,
        about=device.sensor,
        clause=clause,
        clause_zh=clause_zh,
        args={"model": device.model, **args},
    )
