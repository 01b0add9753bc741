"""Builds the checklist of a commissioning, and what of it changes while it is done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from cloud.registry_pages.cells import name_of, named, text
from cloud.registry_pages.drafts import read_draft
from cloud.registry_pages.findings import shown
from cloud.registry_pages.seeing import Gathered, gathered, is_verified
from cloud.registry_pages.steps import Draft
from cloud.registry_pages.telling import hindrances
from cloud.registry_pages.viewing import Viewing
from dashboards.registry.models import NOTHING, Cell
from dashboards.registry.work_models import Checklist, Finding, PointToCheck, SiteCheck
from device_registry.commissioning.facts import PointFacts
from device_registry.commissioning.limits import limits
from device_registry.commissioning.review import Review, Section, review
from device_registry.store.row import Row
from domain.gsp.finding import Finding as Found
from domain.gsp.metrology_model import metrology_for
from domain.profiles.model import PointClass
from domain.rules.model import Direction, Severity

_SIGNS: Final = {"Cel": "°C", "%": "%RH"}
_PHONE_SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a commissioning stands."""

    gateway: Row
    draft: Draft
    gathered: Gathered
    review: Review


def standing(viewing: Viewing, gateway: Row) -> Standing:
    """Return the facts of a gateway and what the checks find on them."""
    draft = read_draft(viewing.sources.store, gateway.id)
    found = gathered(viewing.sources, gateway, draft, viewing.now_ms)
    return Standing(gateway=gateway, draft=draft, gathered=found, review=review(found.facts))


def checklist(viewing: Viewing, id_: str) -> Checklist:
    """Return the page."""
    gateway = viewing.get("gateway", id_)
    now = standing(viewing, gateway)
    reports = viewing.sources.store.find(
        "report", where={"gateway": id_, "report_kind": "commissioning"}
    )
    newest = max(reports, key=lambda row: row.valid_from_ms, default=None)
    return Checklist(
        now_ms=viewing.now_ms,
        csrf=viewing.access.csrf,
        gateway=id_,
        site=gateway.text("site"),
        site_name=name_of(now.gathered.site),
        points=points_to_check(viewing, now),
        spaces=spaces(now),
        checks=_checks(now, viewing.now_ms),
        findings=whole(now),
        report=newest.id if newest and not now.draft.steps else "",
        notices=hindrances(viewing.sources.store, [id_]),
    )


def points_to_check(viewing: Viewing, now: Standing) -> tuple[PointToCheck, ...]:
    """Return every point with its newest reading and what was found on it."""
    facts = {p.id: p for p in now.gathered.facts.points}
    return tuple(_point(viewing, now, row, facts[row.id]) for row in now.gathered.points)


def spaces(now: Standing) -> tuple[Finding, ...]:
    """Return whether number and height of the points satisfy the rules."""
    names = {place.id: place.name for place in now.gathered.facts.places}
    return shown(_section(now, Section.LAYOUT), names)


def whole(now: Standing) -> tuple[Finding, ...]:
    """Return what was found on alarm, clock and power."""
    return shown((*_section(now, Section.ALARM), *_section(now, Section.GATEWAY)))


def _section(now: Standing, wanted: Section) -> Sequence[Found]:
    return [f for section, found in now.review.sections if section is wanted for f in found]


def _point(viewing: Viewing, now: Standing, row: Row, facts: PointFacts) -> PointToCheck:
    newest = viewing.sources.newest(row.id)
    reference = now.draft.latest("reference", point=row.id)
    warmed = now.draft.latest("warmed", point=row.id)
    about = [f for f in now.review.findings if f.about == row.id]
    if facts.sensor:
        about += [f for f in now.review.findings if f.about == facts.sensor.id]
    height = facts.position.height_m
    return PointToCheck(
        id=row.id,
        name=name_of(row),
        place=named(viewing.maybe("place", row.text("place"))),
        quantity=facts.quantity,
        unit=facts.unit,
        decimals=newest.decimals if newest else 1,
        value=newest.value if newest else None,
        at_ms=newest.at_ms if newest else None,
        permitted=_permitted(facts),
        is_compliance=facts.point_class is PointClass.COMPLIANCE,
        sensor=text(f"{facts.sensor.model} · {facts.sensor.serial}")
        if facts.sensor
        else NOTHING,
        permitted_error=permitted_error(facts),
        findings=shown(about),
        photo=facts.photo,
        reference=_float(now.draft.number(reference, "reference")),
        compared=_float(now.draft.number(reference, "value")),
        before=_float(now.draft.number(warmed, "before")),
        after=_float(now.draft.number(warmed, "after")),
        height_m=_float(height),
    )


def permitted_error(facts: PointFacts) -> float | None:
    """Return how far a point may be from the reference thermometer, which errs too."""
    if facts.reading is None:
        return None
    pack = metrology_for(tuple(p.name for p in facts.rule_packs))
    permitted = pack.permitted_error(facts.quantity, facts.reading.value)
    return None if permitted is None else float(permitted * limits().compared_errors)


def _permitted(facts: PointFacts) -> Cell:
    bounds: Mapping[Direction, list[Decimal]] = {side: [] for side in Direction}
    for pack in facts.rule_packs:
        for limit in pack.limits_of(facts.quantity):
            if limit.severity is Severity.ALARM:
                bounds[limit.direction].append(Decimal(limit.threshold))
    low = max(bounds[Direction.LOW], default=None)
    high = min(bounds[Direction.HIGH], default=None)
    sign = _SIGNS.get(facts.unit, "")
    if low is not None and high is not None:
        values = (("low", f"{low}"), ("high", f"{high} {sign}"))
        return Cell(word="point.range_both", values=values)
    if high is not None:
        return Cell(word="point.range_high", values=(("high", f"{high} {sign}"),))
    if low is not None:
        return Cell(word="point.range_low", values=(("low", f"{low} {sign}"),))
    return NOTHING


def _checks(now: Standing, at_ms: int) -> tuple[SiteCheck, ...]:
    names = ("local", "designated", "power")
    plain = [_check(now, name, Cell(word=f"commissioning.{name}")) for name in names]
    people = [
        _check(now, f"reached.{account.id}", _reached(account, at_ms))
        for account in now.gathered.people
    ]
    return (*plain, *people)


def _check(now: Standing, name: str, label: Cell) -> SiteCheck:
    return SiteCheck(name=name, label=label, ticked=bool(now.draft.ticked(name)))


def _reached(account: Row, at_ms: int) -> Cell:
    is_known = is_verified(account, at_ms)
    word = "commissioning.reached" if is_known else "commissioning.reached_unverified"
    phone = account.text("phone")
    masked = f"{phone[:_PHONE_SHOWN]}****{phone[-4:]}"
    return Cell(word=word, values=(("person", account.text("name")), ("phone", masked)))


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
