"""Finds what runs out within the ladder's horizon, in the registry's tables.

The dates are indexed; only rows that end soon are read, and of several papers for one thing the
newest counts: a calibration that was renewed does not run out.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, and_, exists, select

from device_registry.expiry.term import HORIZON_DAYS, Term, TermKind
from device_registry.kinds.catalogue import kind_named
from device_registry.store.engine import reading
from device_registry.store.query import Within, below, versions, within_scopes
from device_registry.store.row import Row, row_of
from device_registry.store.store import RegistryStore
from device_registry.store.tables import TABLES
from domain.gsp.finding import Words

DAY_MS: Final = 86_400_000
PHONE_DAYS: Final = 90
"""A phone number counts as verified so long."""
PAGE: Final = 2000


def expiring(
    store: RegistryStore,
    today: date,
    *,
    within: Within | None = None,
    horizon_days: int = HORIZON_DAYS,
) -> Iterator[Term]:
    """Yield every term that is over or ends within `horizon_days`, kind by kind.

    Args:
        store: the registry.
        today: the day it is at the server (UTC date).
        within: only what one of these scopes covers; () finds nothing, None does not ask.
        horizon_days: how far ahead to look.
    """
    horizon = today + timedelta(days=horizon_days)
    for kind, find in _FINDERS.items():
        for row in _rows(store.engine, kind, find.condition(horizon), within):
            yield find.term(row)


def _rows(
    engine: Engine, kind: str, condition: ColumnElement[bool], within: Within | None
) -> Iterator[Row]:
    k, c = kind_named(kind), TABLES[kind].c
    after = ""
    while True:
        query = versions(k).where(c.valid_to_ms.is_(None), condition, c.id > after)
        if within is not None:
            query = query.where(within_scopes(TABLES[kind], within))
        with reading(engine) as connection:
            page = [row_of(k, s) for s in connection.execute(query.order_by(c.id).limit(PAGE))]
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].id


class _Finder:
    """How the terms of one kind of row are found and told."""

    def __init__(
        self, condition: Callable[[date], ColumnElement[bool]], term: Callable[[Row], Term]
    ) -> None:
        self.condition = condition
        self.term = term


def _day(text: object) -> date:
    return date.fromisoformat(str(text))


def _day_of_ms(at_ms: int) -> date:
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC).date()


def _same(text: str) -> Words:
    return Words(zh=text, en=text)


def _path(row: Row) -> str:
    return row.subject.org_path if row.subject is not None else ""


def _ends(kind: str, column: str) -> Callable[[date], ColumnElement[bool]]:
    def condition(horizon: date) -> ColumnElement[bool]:
        return TABLES[kind].c[column] <= horizon.isoformat()

    return condition


def _licences(horizon: date) -> ColumnElement[bool]:
    c = TABLES["licence"].c
    return and_(c.valid_until <= horizon.isoformat(), c.state != "revoked")


def _licence(row: Row) -> Term:
    return Term(
        kind=TermKind.LICENCE,
        id=row.id,
        about=row.text("organisation"),
        about_kind="organisation",
        name=_same(f"{row.text('licence_kind')} {row.text('number')}"),
        until=_day(row.text("valid_until")),
        organisation=_path(row),
    )


def _calibrations(horizon: date) -> ColumnElement[bool]:
    """The newest of a sensor that serves a point which is on duty."""
    t, point = TABLES["calibration"], TABLES["point"]
    newer = t.alias("newer")
    renewed = exists().where(
        newer.c.sensor == t.c.sensor,
        newer.c.valid_to_ms.is_(None),
        newer.c.valid_until > t.c.valid_until,
    )
    serving = exists().where(
        point.c.sensor == t.c.sensor,
        point.c.valid_to_ms.is_(None),
        point.c.state.in_(("commissioned", "in_service")),
    )
    return and_(t.c.valid_until <= horizon.isoformat(), ~renewed, serving)


def _calibration(row: Row) -> Term:
    return Term(
        kind=TermKind.CALIBRATION,
        id=row.text("sensor"),
        about=row.text("sensor"),
        about_kind="sensor",
        name=_same(row.text("certificate_no")),
        until=_day(row.text("valid_until")),
        starts=_day(row.text("calibrated_on")),
        organisation=_path(row),
    )


def _verifications(horizon: date) -> ColumnElement[bool]:
    """One that is still to be done, or the newest that was done at its place."""
    t = TABLES["verification"]
    newer = t.alias("newer")
    renewed = exists().where(
        newer.c.site == t.c.site,
        newer.c.place.is_not_distinct_from(t.c.place),
        newer.c.valid_to_ms.is_(None),
        newer.c.done_on > t.c.done_on,
    )
    is_newest: Any = t.c.done_on.is_(None) | ~renewed
    return and_(t.c.due <= horizon.isoformat(), is_newest)


def _verification(row: Row) -> Term:
    place = row.text("place")
    return Term(
        kind=TermKind.VERIFICATION,
        id=row.id,
        about=place or row.text("site"),
        about_kind="place" if place else "site",
        name=_same(row.text("plan") or place or row.text("site")),
        until=_day(row.text("due")),
        site=row.text("site"),
    )


def _staff_certificate(row: Row) -> Term:
    return Term(
        kind=TermKind.STAFF_CERTIFICATE,
        id=row.id,
        about=row.text("staff"),
        about_kind="staff",
        name=_same(f"{row.text('certificate_kind')} {row.text('number')}"),
        until=_day(row.text("valid_until")),
        organisation=_path(row),
    )


def _equipment(row: Row) -> Term:
    return Term(
        kind=TermKind.EQUIPMENT_INSPECTION,
        id=row.id,
        about=row.id,
        about_kind="special_equipment",
        name=Words(zh=row.text("name_zh"), en=row.text("name_en")),
        until=_day(row.text("inspection_until")),
        site=row.text("site"),
    )


def _phones(horizon: date) -> ColumnElement[bool]:
    c = TABLES["account"].c
    last = horizon - timedelta(days=PHONE_DAYS)
    before_ms = int(datetime(last.year, last.month, last.day, tzinfo=UTC).timestamp()) * 1000
    return and_(c.phone_verified_ms < before_ms + DAY_MS, c.state == "active")


def _phone(row: Row) -> Term:
    verified = _day_of_ms(row.number("phone_verified_ms"))
    return Term(
        kind=TermKind.PHONE,
        id=row.id,
        about=row.id,
        about_kind="account",
        name=_same(row.text("name")),
        until=verified + timedelta(days=PHONE_DAYS),
        starts=verified,
        organisation=_path(row),
    )


def _certificates(horizon: date) -> ColumnElement[bool]:
    c = TABLES["certificate"].c
    midnight = datetime(horizon.year, horizon.month, horizon.day, tzinfo=UTC)
    end_ms = int(midnight.timestamp()) * 1000 + DAY_MS
    return and_(c.not_after < end_ms, c.state == "valid")


def _certificate(row: Row) -> Term:
    return Term(
        kind=TermKind.TLS_CERTIFICATE,
        id=row.id,
        about=row.text("gateway"),
        about_kind="gateway",
        name=_same(row.text("gateway")),
        until=_day_of_ms(row.number("not_after")),
        starts=_day_of_ms(row.number("not_before")),
        organisation=_path(row),
    )


_FINDERS: Final = {
    "licence": _Finder(_licences, _licence),
    "calibration": _Finder(_calibrations, _calibration),
    "verification": _Finder(_verifications, _verification),
    "staff_certificate": _Finder(_ends("staff_certificate", "valid_until"), _staff_certificate),
    "special_equipment": _Finder(_ends("special_equipment", "inspection_until"), _equipment),
    "account": _Finder(_phones, _phone),
    "certificate": _Finder(_certificates, _certificate),
}


def site_for(store: RegistryStore, term: Term) -> str:
    """Return the site whose people are asked: its own, or the first one of its organisation.

    "" when the organisation has no site anywhere below it.
    """
    if term.site:
        return term.site
    return _owning_site(store, term) or _first_site(store.engine, term.organisation)


def _first_site(engine: Engine, org_path: str) -> str:
    c = TABLES["site"].c
    if not org_path:
        return ""
    # Not by scope: an authority's scope covers the firms it watches over, who are not asked.
    query = select(c.id).where(c.valid_to_ms.is_(None), below(c.org_path, org_path))
    with reading(engine) as connection:
        found = connection.execute(query.order_by(c.id).limit(1)).scalar()
    return found or ""


def _owning_site(store: RegistryStore, term: Term) -> str:
    if term.about_kind not in {"sensor", "gateway"}:
        return ""
    row = store.get(term.about_kind, term.about)
    return row.text("site") if row is not None else ""
