"""Builds the pages of a site, and of a room, refrigerator, vehicle or box."""

from collections.abc import Mapping

from cloud.registry_pages.cells import fact, named, number, state, text, word
from cloud.registry_pages.organisations import edit_link, tasks
from cloud.registry_pages.viewing import Viewing
from dashboards.registry.models import NOTHING, Cell, Crumb, DetailPage, Fact, Link, Table
from device_registry.access.action import Action
from device_registry.store.row import Row

POINTS = 200
"""Measuring points of a site on its page."""


def site_page(viewing: Viewing, id_: str) -> DetailPage:
    """Return the page of a site."""
    row = viewing.get("site", id_)
    where = {"site": id_}
    events = viewing.events(row.subject, "site", id_)
    return DetailPage(
        now_ms=viewing.now_ms,
        kind="registry.site",
        heading=named(row),
        crumbs=_organisation_crumbs(viewing, row),
        facts=_site_facts(viewing, row),
        tables=(
            _alarms(viewing, id_),
            _gateways(viewing, where),
            _places(viewing, where),
            points_table(viewing, where),
            _sensors(viewing, where),
            tasks(viewing, viewing.at("site", id_)),
            _verifications(viewing, where),
            _facilities(viewing, where),
            reports(viewing, where),
            *((events,) if events else ()),
        ),
        links=(*_site_links(viewing, row), *edit_link(viewing, row, "sites")),
    )


def place_page(viewing: Viewing, id_: str) -> DetailPage:
    """Return the page of a room, refrigerator, vehicle or box."""
    row = viewing.get("place", id_)
    site = viewing.maybe("site", row.text("site"))
    return DetailPage(
        now_ms=viewing.now_ms,
        kind=f"registry.place_kind_{row.text('place_kind')}",
        heading=named(row),
        crumbs=site_crumbs(site),
        facts=(
            fact("place_kind", word("place_kind", row.text("place_kind"))),
            fact("storage_class", word("storage_class", row.text("storage_class"))),
            *_sizes(row),
            fact("plate", text(row.text("plate"))),
            fact("floor_plan", file_link(row.text("floor_plan"))),
        ),
        tables=(
            points_table(viewing, {"place": id_}),
            _verifications(viewing, {"place": id_}),
        ),
        links=edit_link(viewing, row, "places"),
    )


def site_crumbs(site: Row | None) -> tuple[Crumb, ...]:
    """Return the way back from something at a site."""
    first = Crumb(cell=Cell(word="registry.all_regions", href="/registry"))
    if site is None:
        return (first,)
    return (first, Crumb(cell=named(site, f"/registry/sites/{site.id}")))


def file_link(sha256: str) -> Cell:
    """Return a link to a stored file; a dash when there is none."""
    if not sha256:
        return Cell()
    return Cell(word="registry.open_file", href=f"/registry/files/{sha256}")


def points_table(viewing: Viewing, where: Mapping[str, object]) -> Table:
    """Return the measuring points of a site, place or gateway, with who measures them."""
    rows = viewing.find("point", where, POINTS)
    return Table(
        id="points",
        title="registry.points",
        columns=(
            "registry.column_name",
            "registry.column_quantity",
            "registry.field_point_class",
            "registry.column_sensor",
            "registry.column_state",
            "registry.field_photo",
            "registry.edit_it",
        ),
        rows=tuple(
            (
                named(row, f"/points/{row.id}"),
                word("quantity", row.text("quantity")),
                word("point_class", row.text("point_class")),
                text(row.text("sensor"), _sensor_href(row)),
                state(row.text("state")),
                file_link(row.text("photo")),
                _edit(viewing, row),
            )
            for row in rows
        ),
    )


def reports(viewing: Viewing, where: Mapping[str, object]) -> Table:
    """Return the signed reports."""
    rows = viewing.find("report", {**where, "report_kind": "commissioning"})
    return Table(
        id="reports",
        title="registry.reports",
        columns=("registry.column_what", "registry.column_gateway", "registry.column_when"),
        rows=tuple(
            (
                Cell(word="registry.report_kind_commissioning", href=f"/work/reports/{row.id}"),
                text(row.text("gateway")),
                Cell(at_ms=row.valid_from_ms),
            )
            for row in rows
        ),
    )


def _organisation_crumbs(viewing: Viewing, site: Row) -> tuple[Crumb, ...]:
    first = Crumb(cell=Cell(word="registry.all_regions", href="/registry"))
    organisation = viewing.maybe("organisation", site.text("organisation"))
    if organisation is None:
        return (first,)
    may_see = viewing.may(Action.VIEW_REGISTRY, organisation.subject)
    href = f"/registry/organisations/{organisation.id}" if may_see else ""
    return (first, Crumb(cell=named(organisation, href)))


def _site_facts(viewing: Viewing, row: Row) -> tuple[Fact, ...]:
    region = viewing.maybe("region", row.text("region"))
    path = row.subject.authority_path if row.subject else ""
    authority = viewing.maybe("organisation", path.rpartition("/")[2])
    return (
        fact("subject_class", word("subject_class", row.text("subject_class"))),
        fact("region", named(region, fallback=row.text("region"))),
        fact("authority", named(authority)),
        fact("address", text(row.text("address"))),
        *_sizes(row),
        fact("geofence_m", number(row.maybe("geofence_m"))),
        fact("timezone", text(row.text("timezone"))),
    )


def _sizes(row: Row) -> tuple[Fact, ...]:
    fields = ("area_m2", "volume_m3", "rack_height_m")
    return tuple(fact(name, number(row.maybe(name))) for name in fields)


def _site_links(viewing: Viewing, row: Row) -> tuple[Link, ...]:
    links = []
    if viewing.may(Action.ENROL, row.subject):
        links.append(
            Link(label="registry.menu_work", href=f"/work/sites/{row.id}", is_main=True)
        )
    if viewing.may(Action.VIEW_SITE, row.subject):
        links.append(Link(label="registry.monitor", href=f"/sites/{row.id}"))
    return tuple(links)


def _edit(viewing: Viewing, point: Row) -> Cell:
    if not viewing.may(Action.EDIT_REGISTRY, point.subject):
        return NOTHING
    return Cell(word="registry.edit_it", href=f"/registry/points/{point.id}/edit")


def _sensor_href(point: Row) -> str:
    return f"/registry/sensors/{point.text('sensor')}" if point.text("sensor") else ""


def _alarms(viewing: Viewing, site: str) -> Table:
    alarms = viewing.sources.open_alarms({site})
    return Table(
        id="alarms",
        title="alarms.title",
        columns=("registry.column_what", "registry.column_name", "registry.column_when"),
        rows=tuple(
            (
                Cell(word=f"severity.{alarm.severity}"),
                Cell(name=alarm.point_name, text=alarm.gateway, href=_alarm_href(alarm.point)),
                Cell(at_ms=alarm.since_ms),
            )
            for alarm in alarms
        ),
        empty="alarms.none",
    )


def _alarm_href(point: str) -> str:
    return f"/points/{point}" if point else ""


def _gateways(viewing: Viewing, where: Mapping[str, object]) -> Table:
    return Table(
        id="gateways",
        title="registry.gateways",
        columns=("registry.column_id", "registry.column_model", "registry.column_state"),
        rows=tuple(
            (
                text(row.id, f"/registry/gateways/{row.id}"),
                text(row.text("model")),
                state(row.text("state")),
            )
            for row in viewing.find("gateway", where)
        ),
    )


def _places(viewing: Viewing, where: Mapping[str, object]) -> Table:
    return Table(
        id="places",
        title="registry.places",
        columns=(
            "registry.column_name",
            "registry.column_kind",
            "registry.field_storage_class",
        ),
        rows=tuple(
            (
                named(row, f"/registry/places/{row.id}"),
                word("place_kind", row.text("place_kind")),
                word("storage_class", row.text("storage_class")),
            )
            for row in viewing.find("place", where)
        ),
    )


def _sensors(viewing: Viewing, where: Mapping[str, object]) -> Table:
    return Table(
        id="sensors",
        title="registry.sensors",
        columns=("registry.column_id", "registry.column_model", "registry.column_state"),
        rows=tuple(
            (
                text(row.text("serial"), f"/registry/sensors/{row.id}"),
                text(row.text("model")),
                state(row.text("state")),
            )
            for row in viewing.find("sensor", where)
        ),
    )


def _verifications(viewing: Viewing, where: Mapping[str, object]) -> Table:
    return Table(
        id="verifications",
        title="registry.verifications",
        columns=(
            "registry.column_kind",
            "registry.column_when",
            "registry.column_due",
            "registry.column_file",
        ),
        rows=tuple(
            (
                word("verification_kind", row.text("verification_kind")),
                text(row.text("done_on")),
                text(row.text("due")),
                file_link(row.text("report")),
            )
            for row in viewing.find("verification", where)
        ),
    )


def _facilities(viewing: Viewing, where: Mapping[str, object]) -> Table:
    return Table(
        id="facilities",
        title="registry.facilities",
        columns=("registry.column_name", "registry.column_kind", "registry.column_model"),
        rows=tuple(
            (
                named(row),
                word("facility_kind", row.text("facility_kind")),
                text(row.text("model")),
            )
            for row in viewing.find("facility", where)
        ),
    )
