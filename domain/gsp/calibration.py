"""Is a probe's calibration good, does it cover the range of use, and until when?

Pure. An expired calibration never stops collecting, judging or calling: `standing` says only
how the point is flagged (校准过期) and who is chased. A certificate whose errors are beyond
the permitted one is refused for service (GSP Annex 3 article 4).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from domain.gsp.finding import Finding, Level, Words
from domain.gsp.metrology_model import MetrologyPack
from domain.quantity import Quantity
from domain.rules.model import RulePack


class Standing(StrEnum):
    """How a probe stands with its calibration; a point in service carries it as a flag."""

    IN_DATE = "in_date"
    EXPIRED = "expired"
    """校准过期: the readings count and are flagged."""
    NONE = "none"
    """Never calibrated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationPoint:
    """One line of a certificate: the error found at one reference value, default unit."""

    quantity: Quantity
    reference: Decimal
    error: Decimal
    """Indication minus reference."""
    permitted: Decimal | None = None
    """What the laboratory held it against; ours counts where it is stricter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What a calibration certificate says."""

    number: str
    calibrated_on: date
    valid_until: date | None = None
    """As printed; the pack's interval counts when it is shorter."""
    points: tuple[CalibrationPoint, ...] = ()
    failed: bool = False
    """The laboratory's own verdict."""


def valid_until(certificate: Certificate, pack: MetrologyPack) -> date:
    """Return the last day of validity: the printed one, at most the pack's interval."""
    longest = certificate.calibrated_on + timedelta(days=pack.interval_days)
    return min(certificate.valid_until or longest, longest)


def standing(until: date | None, today: date) -> Standing:
    """Return how a probe stands whose certificate is valid until this day, inclusive."""
    if until is None:
        return Standing.NONE
    return Standing.IN_DATE if today <= until else Standing.EXPIRED


def check_errors(
    sensor: str, certificate: Certificate, pack: MetrologyPack
) -> tuple[Finding, ...]:
    """Return each error of the certificate that is beyond what is permitted."""
    findings = [_beyond(sensor, point, pack) for point in certificate.points]
    if certificate.failed:
        findings.append(_finding("calibration.failed", sensor, pack, number=certificate.number))
    return tuple(f for f in findings if f is not None)


def check_for_service(
    sensor: str,
    certificate: Certificate | None,
    rule_packs: Sequence[RulePack],
    quantities: Iterable[Quantity],
    today: date,
    pack: MetrologyPack,
) -> tuple[Finding, ...]:
    """Return whether a probe may be put on duty as a compliance point.

    In date, no error beyond the permitted one, and for each measured quantity at least one
    point within the limits of its packs widened by 5 (a 2..8 store is not proven by points at
    20 and 40); out of date refuses commissioning, never a point already on duty.
    """
    if certificate is None:
        return (_finding("calibration.absent", sensor, pack),)
    until = valid_until(certificate, pack)
    findings = list(check_errors(sensor, certificate, pack))
    if standing(until, today) is Standing.EXPIRED:
        findings.append(_expired(sensor, certificate, until, pack))
    for quantity in quantities:
        findings += _uncovered(sensor, certificate, quantity, rule_packs, pack)
    if not findings:
        findings.append(
            Finding(
                key="calibration.good",
                level=Level.PASS,
                about=sensor,
                args={"number": certificate.number, "until": until.isoformat()},
            )
        )
    return tuple(findings)


def points_of(raw: Iterable[Mapping[str, object]]) -> tuple[CalibrationPoint, ...]:
    """Return the points of a certificate as the registry stores them (JSON).

    Raises:
        ValueError: a line that is not a quantity with numbers; names its content.
    """
    return tuple(_point(line) for line in raw)


def point_documents(points: Iterable[CalibrationPoint]) -> list[dict[str, str]]:
    """Return the points as the registry stores them; numbers as decimal text."""
    return [
        {
            "quantity": str(p.quantity),
            "reference": str(p.reference),
            "error": str(p.error),
            "permitted": "" if p.permitted is None else str(p.permitted),
        }
        for p in points
    ]


def _point(line: Mapping[str, object]) -> CalibrationPoint:
    try:
        permitted = line.get("permitted")
        return CalibrationPoint(
            quantity=Quantity(str(line["quantity"])),
            reference=Decimal(str(line["reference"])),
            error=Decimal(str(line["error"])),
            permitted=Decimal(str(permitted)) if permitted not in (None, "") else None,
        )
    except (KeyError, ValueError, InvalidOperation):
        raise ValueError(f"expected quantity, reference and error, got {line!r:.80}") from None


def _beyond(sensor: str, point: CalibrationPoint, pack: MetrologyPack) -> Finding | None:
    bounds = (pack.permitted_error(point.quantity, point.reference), point.permitted)
    permitted = min((b for b in bounds if b is not None), default=None)
    if permitted is None or abs(point.error) <= permitted:
        return None
    return _finding(
        "calibration.beyond",
        sensor,
        pack,
        quantity=QUANTITY_WORDS.get(point.quantity, Words(zh="", en=str(point.quantity))),
        reference=str(point.reference),
        error=f"{point.error:+}",
        permitted=str(permitted),
    )


COVER_MARGIN = Decimal(5)
"""How far outside the limits of use a calibration point may lie and still prove them."""


def _uncovered(
    sensor: str,
    certificate: Certificate,
    quantity: Quantity,
    rule_packs: Sequence[RulePack],
    pack: MetrologyPack,
) -> list[Finding]:
    limits = [Decimal(x.threshold) for p in rule_packs for x in p.limits_of(quantity)]
    proven = [p.reference for p in certificate.points if p.quantity is quantity]
    if not certificate.points or not limits:
        return []
    low, high = min(limits) - COVER_MARGIN, max(limits) + COVER_MARGIN
    if any(low <= reference <= high for reference in proven):
        return []
    words = QUANTITY_WORDS.get(quantity, Words(zh="", en=str(quantity)))
    span = {"low": str(min(limits)), "high": str(max(limits))}
    return [_finding("calibration.not_covered", sensor, pack, quantity=words, **span)]


QUANTITY_WORDS = {
    Quantity.TEMPERATURE: Words(zh="温度", en="temperature"),
    Quantity.HUMIDITY: Words(zh="湿度", en="humidity"),
}


def _expired(
    sensor: str, certificate: Certificate, until: date, pack: MetrologyPack
) -> Finding:
    return Finding(
        key="calibration.expired",
        level=Level.REFUSE,
        about=sensor,
        clause=pack.interval_clause,
        clause_zh=pack.interval_clause_zh,
        args={"number": certificate.number, "until": until.isoformat()},
    )


def _finding(
    key: str,
    sensor: str,
    pack: MetrologyPack,
    **args: str | Words,
) -> Finding:
    return Finding(
        key=key,
        level=Level.REFUSE,
        about=sensor,
        clause=pack.clause,
        clause_zh=pack.clause_zh,
        args=args,
    )
