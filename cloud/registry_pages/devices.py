"""Builds the pages of a gateway and of a sensor, with the history of keys and calibrations."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from cloud.registry_pages.cells import fact, moment, state, text, word
from cloud.registry_pages.organisations import edit_link
from cloud.registry_pages.places import file_link, points_table, reports, site_crumbs
from cloud.registry_pages.telling import gateways_of, hindrances
from cloud.registry_pages.viewing import Viewing
from dashboards.models import Name
from dashboards.registry.models import NOTHING, Cell, Deed, DetailPage, Link, Table, Tone
from device_registry.access.action import Action
from device_registry.store.row import Row

_ROLLED_BACK: Final = (
    ("no point gave a value", "应用后没有任何测点读到数值"),
    ("the cloud", "应用后联系不上云端"),
    ("the gateway ended", "应用后网关程序反复退出"),
)
"""How a gateway begins to say why it rolled back, and the same for people."""
COMMISSIONABLE = frozenset({"enrolled", "commissioned", "in_service"})
"""States from which a gateway can be commissioned, again too."""


def gateway_page(viewing: Viewing, id_: str, refused: tuple[Cell, ...] = ()) -> DetailPage:
    """Return the page of a gateway; `refused` says why it was not sent its configuration."""
    row = viewing.get("gateway", id_)
    where = {"gateway": id_}
    keys = viewing.find("key", where)
    events = viewing.events(row.subject, "gateway", id_)
    now = viewing.sources.gateway_now(id_)
    active = next((key for key in keys if key.text("state") == "active"), None)
    return DetailPage(
        now_ms=viewing.now_ms,
        kind="registry.gateway",
        heading=text(id_),
        crumbs=site_crumbs(viewing.maybe("site", row.text("site"))),
        states=(state(row.text("state")),),
        facts=(
            fact("model", text(row.text("model"))),
            fact("serial", text(row.text("serial"))),
            fact("key", text(active.id if active else "", is_code=True)),
            fact("configuration", _configuration(viewing, id_)),
            fact("heard", moment(now.heard_ms)),
            fact("software", text(now.software)),
        ),
        tables=(
            _keys(viewing, keys),
            points_table(viewing, where),
            _certificates(viewing, where),
            _configurations(viewing, where),
            reports(viewing, where),
            *((events,) if events else ()),
        ),
        links=(*_gateway_links(viewing, row), *edit_link(viewing, row, "gateways")),
        notices=refused or hindrances(viewing.sources.store, [id_]),
        deed=_sending(viewing, row),
    )


def sensor_page(viewing: Viewing, id_: str) -> DetailPage:
    """Return the page of a sensor; an expired calibration is flagged, nothing else."""
    row = viewing.get("sensor", id_)
    calibrations = viewing.find("calibration", {"sensor": id_})
    calibrations.sort(key=lambda r: r.text("calibrated_on"), reverse=True)
    events = viewing.events(row.subject, "sensor", id_)
    return DetailPage(
        now_ms=viewing.now_ms,
        kind="registry.sensor",
        heading=text(f"{row.text('model')} · {row.text('serial')}"),
        crumbs=site_crumbs(viewing.maybe("site", row.text("site"))),
        states=(state(row.text("state")), calibration_state(calibrations, viewing.now_ms)),
        facts=(
            fact("id", text(id_, is_code=True)),
            fact("maker", text(row.text("maker"))),
            fact("profile", text(row.text("profile"), is_code=True)),
            fact("refresh_s", Cell(count=row.number("refresh_s") or None)),
            fact("spare", Cell(word=f"registry.flag_{'yes' if row.flag('spare') else 'no'}")),
        ),
        tables=(
            _calibrations(calibrations),
            points_table(viewing, {"sensor": id_}),
            _states(viewing.sources.store.history("sensor", id_)),
            *((events,) if events else ()),
        ),
        links=edit_link(viewing, row, "sensors"),
        notices=hindrances(viewing.sources.store, gateways_of(viewing.sources.store, row)),
    )


def calibration_state(calibrations: Sequence[Row], now_ms: int) -> Cell:
    """Return how a sensor stands with its newest calibration, as a chip."""
    if not calibrations:
        return Cell(word="registry.calibration_none", tone=Tone.QUIET)
    until = max(row.text("valid_until") for row in calibrations)
    today = datetime.fromtimestamp(now_ms / 1000, UTC).date().isoformat()
    if until < today:
        return Cell(word="registry.calibration_expired", tone=Tone.BAD)
    return Cell(word="registry.calibration_until", values=(("date", until),), tone=Tone.OK)


def _configuration(viewing: Viewing, gateway: str) -> Cell:
    rows = viewing.find("configuration", {"gateway": gateway, "state": "applied"})
    if not rows:
        return NOTHING
    return Cell(count=max(row.number("version") for row in rows))


def _sending(viewing: Viewing, row: Row) -> Deed | None:
    """Return the button that sends the gateway its configuration."""
    can = viewing.may(Action.CONFIGURE, row.subject) and viewing.access.session is not None
    if not can or row.text("state") == "retired":
        return None
    return Deed(
        label="configuring.send",
        href=f"/registry/gateways/{row.id}/configuration",
        csrf=viewing.access.csrf,
    )


def _gateway_links(viewing: Viewing, row: Row) -> tuple[Link, ...]:
    is_due = row.text("state") in COMMISSIONABLE
    if is_due and viewing.may(Action.COMMISSION, row.subject):
        href = f"/work/gateways/{row.id}"
        return (Link(label="registry.commission", href=href, is_main=True),)
    return ()


def _keys(viewing: Viewing, keys: Sequence[Row]) -> Table:
    # The first version of a row says since when the key speaks for the gateway.
    store = viewing.sources.store
    return Table(
        id="keys",
        title="registry.keys",
        columns=(
            "registry.column_key",
            "registry.column_kind",
            "registry.column_state",
            "registry.column_from",
            "registry.column_log",
            "registry.column_revoked",
        ),
        rows=tuple(
            (
                text(key.id, f"/registry/keys/{key.id}/revocation", is_code=True),
                word("key_kind", key.text("key_kind")),
                state(key.text("state")),
                moment(store.history("key", key.id)[0].valid_from_ms),
                _index(key, "logged_index"),
                _index(key, "revoked_index"),
            )
            for key in keys
        ),
        empty="registry.no_keys",
    )


def _index(key: Row, field: str) -> Cell:
    value = key.maybe(field)
    return Cell(count=value) if isinstance(value, int) else NOTHING


def _certificates(viewing: Viewing, where: Mapping[str, object]) -> Table:
    rows = viewing.find("certificate", where)
    rows.sort(key=lambda row: row.number("not_before"), reverse=True)
    return Table(
        id="certificates",
        title="registry.certificates",
        columns=(
            "registry.column_number",
            "registry.column_state",
            "registry.column_from",
            "registry.column_to",
        ),
        rows=tuple(
            (
                text(row.id, is_code=True),
                state(row.text("state")),
                moment(row.number("not_before")),
                moment(row.number("not_after")),
            )
            for row in rows
        ),
    )


def _configurations(viewing: Viewing, where: Mapping[str, object]) -> Table:
    rows = viewing.find("configuration", where)
    rows.sort(key=lambda row: row.number("version"), reverse=True)
    return Table(
        id="configurations",
        title="registry.configurations",
        columns=(
            "registry.column_version",
            "registry.column_state",
            "registry.column_when",
            "registry.column_why",
        ),
        rows=tuple(
            (
                Cell(count=row.number("version")),
                state(row.text("state")),
                moment(row.valid_from_ms),
                _reason(row.text("reason")),
            )
            for row in rows
        ),
    )


def _reason(said: str) -> Cell:
    """Return why a gateway went back to what it had; its own words are English."""
    if not said:
        return NOTHING
    known = (zh for begin, zh in _ROLLED_BACK if said.startswith(begin))
    return Cell(name=Name(zh=next(known, "网关不能使用这份配置"), en=said))


def _calibrations(rows: Sequence[Row]) -> Table:
    return Table(
        id="calibrations",
        title="registry.calibrations",
        columns=(
            "registry.column_number",
            "registry.column_laboratory",
            "registry.field_calibrated_on",
            "registry.column_until",
            "registry.column_error",
            "registry.column_result",
            "registry.column_file",
        ),
        rows=tuple(
            (
                text(row.text("certificate_no")),
                text(row.text("laboratory")),
                text(row.text("calibrated_on")),
                text(row.text("valid_until")),
                _worst(row),
                word("result", row.text("result")),
                file_link(row.text("file")),
            )
            for row in rows
        ),
        empty="registry.no_calibrations",
    )


def _worst(row: Row) -> Cell:
    """Return the largest error of a certificate beside what is permitted there."""
    points = [point for point in row.items("points") if isinstance(point, dict)]
    found = [(abs(float(p["error"])), p) for p in points if _is_number(p.get("error"))]
    if not found:
        return NOTHING
    _, worst = max(found, key=lambda pair: pair[0])
    permitted = worst.get("permitted") or "—"
    values = (("error", worst["error"]), ("permitted", permitted))
    return Cell(word="registry.errors_worst", values=values)


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True


def _states(history: Sequence[Row]) -> Table:
    """Return when a sensor went from where to where."""
    moves = [
        row
        for before, row in zip([None, *history], history, strict=False)
        if before is None or before.text("state") != row.text("state")
    ]
    return Table(
        id="history",
        title="registry.history",
        columns=("registry.column_when", "registry.column_state"),
        rows=tuple((moment(row.valid_from_ms), state(row.text("state"))) for row in moves),
    )
