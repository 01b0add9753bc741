"""Builds the page of an organisation: what joins its licences, devices, events and tasks."""

from cloud.registry_pages.cells import fact, named, state, text, word
from cloud.registry_pages.viewing import LISTED, Part, Viewing
from dashboards.models import Name
from dashboards.registry.models import Cell, Crumb, DetailPage, Link, Table
from device_registry.access.action import Action
from device_registry.store.row import Row


def organisation_page(viewing: Viewing, id_: str, after: str = "") -> DetailPage:
    """Return the page; its sites begin after the id `after`."""
    row = viewing.get("organisation", id_)
    region = viewing.maybe("region", row.text("region"))
    subject = row.subject
    part = viewing.within(row)
    events = viewing.events(subject)
    parent = viewing.maybe("organisation", row.text("parent"))
    if parent is not None and not viewing.may(Action.VIEW_REGISTRY, parent.subject):
        parent = None
    parent_href = f"/registry/organisations/{row.text('parent')}"
    return DetailPage(
        now_ms=viewing.now_ms,
        kind="registry.organisation",
        heading=named(row),
        crumbs=(Crumb(cell=Cell(word="registry.all_regions", href="/registry")),),
        facts=(
            fact("uscc", text(row.text("uscc"), is_code=True)),
            fact("subject_class", word("subject_class", row.text("subject_class"))),
            fact("region", named(region, fallback=row.text("region"))),
            fact("parent", named(parent, parent_href)),
        ),
        tables=(
            _licences(viewing, id_),
            _sites(viewing, id_, after),
            _devices(viewing, part),
            tasks(viewing, part),
            _staff(viewing, id_),
            _equipment(viewing, part),
            _below(viewing, id_),
            *((events,) if events else ()),
        ),
        links=edit_link(viewing, row, "organisations"),
    )


def edit_link(viewing: Viewing, row: Row, folder: str) -> tuple[Link, ...]:
    """Return the link to the form, for who may edit the row."""
    if not viewing.may(Action.EDIT_REGISTRY, row.subject):
        return ()
    return (Link(label="registry.edit", href=f"/registry/{folder}/{row.id}/edit"),)


def _devices(viewing: Viewing, part: Part) -> Table:
    """Return how many gateways, sensors and points there are in each state."""
    rows = []
    for kind in ("gateway", "sensor", "point"):
        counts = viewing.sources.store.count_by(
            kind, "state", where=part.where, within=part.within
        )
        rows += [
            (Cell(word=f"registry.kind_{kind}"), state(s), Cell(count=n))
            for s, n in counts.items()
        ]
    columns = ("registry.column_kind", "registry.column_state", "registry.column_count")
    return Table(id="devices", title="registry.devices", columns=columns, rows=tuple(rows))


def tasks(viewing: Viewing, part: Part) -> Table:
    """Return the open tasks."""
    rows = viewing.of(part, "task", {"state": "open"})
    return Table(
        id="tasks",
        title="registry.tasks",
        columns=("registry.column_what", "registry.column_due", "registry.column_why"),
        rows=tuple(
            (
                Cell(name=Name(zh=row.text("title_zh"), en=row.text("title_en"))),
                text(row.text("due")),
                text(row.text("reason")),
            )
            for row in rows
        ),
        empty="registry.no_tasks",
    )


def _licences(viewing: Viewing, organisation: str) -> Table:
    return Table(
        id="licences",
        title="registry.licences",
        columns=(
            "registry.column_kind",
            "registry.column_number",
            "registry.column_state",
            "registry.column_from",
            "registry.column_until",
        ),
        rows=tuple(
            (
                text(row.text("licence_kind")),
                text(row.text("number"), _licence_href(viewing, row)),
                state(row.text("state")),
                text(row.text("valid_from")),
                text(row.text("valid_until")),
            )
            for row in viewing.find("licence", {"organisation": organisation})
        ),
        empty="registry.no_licences",
    )


def _licence_href(viewing: Viewing, row: Row) -> str:
    may_edit = viewing.may(Action.EDIT_REGISTRY, row.subject)
    return f"/registry/licences/{row.id}/edit" if may_edit else ""


def _sites(viewing: Viewing, organisation: str, after: str) -> Table:
    rows = viewing.find("site", {"organisation": organisation}, LISTED + 1, after)
    return Table(
        id="sites",
        title="registry.sites",
        columns=("registry.column_name", "registry.column_id", "registry.field_address"),
        rows=tuple(
            (
                named(row, f"/registry/sites/{row.id}"),
                text(row.id, is_code=True),
                text(row.text("address")),
            )
            for row in rows[:LISTED]
        ),
        more_href=f"?after={rows[LISTED - 1].id}" if len(rows) > LISTED else "",
    )


def _staff(viewing: Viewing, organisation: str) -> Table:
    # Whoever may not see people learns nothing of them here either.
    organisation_row = viewing.maybe("organisation", organisation)
    subject = organisation_row.subject if organisation_row else None
    may_see = viewing.may(Action.VIEW_PEOPLE, subject)
    rows = viewing.find("staff", {"organisation": organisation}) if may_see else []
    return Table(
        id="staff",
        title="registry.staff",
        columns=("registry.column_name", "registry.column_post"),
        rows=tuple((text(row.text("name")), text(row.text("post"))) for row in rows),
    )


def _equipment(viewing: Viewing, part: Part) -> Table:
    return Table(
        id="equipment",
        title="registry.equipment",
        columns=(
            "registry.column_name",
            "registry.column_kind",
            "registry.column_number",
            "registry.field_inspection_until",
        ),
        rows=tuple(
            (
                named(row),
                text(row.text("category")),
                text(row.text("registration_number")),
                text(row.text("inspection_until")),
            )
            for row in viewing.of(part, "special_equipment")
        ),
    )


def _below(viewing: Viewing, organisation: str) -> Table:
    rows = viewing.find("organisation", {"parent": organisation})
    return Table(
        id="below",
        title="registry.more_children",
        columns=("registry.column_name", "registry.column_kind"),
        rows=tuple(
            (
                named(row, f"/registry/organisations/{row.id}"),
                word("subject_class", row.text("subject_class")),
            )
            for row in rows
        ),
    )
