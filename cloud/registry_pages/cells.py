"""What a row of the registry looks like in a cell. Pure."""

from collections.abc import Mapping
from typing import Final

from dashboards.models import Name
from dashboards.registry.models import NOTHING, Cell, Fact, Tone
from device_registry.store.row import Row

_TONES: Final[Mapping[str, Tone]] = {
    **dict.fromkeys(
        ("in_service", "active", "valid", "applied", "done", "effective", "approved"), Tone.OK
    ),
    **dict.fromkeys(
        ("expired", "rejected", "revoked", "rolled_back", "locked", "cancelled"), Tone.BAD
    ),
    **dict.fromkeys(("expiring", "out_of_service", "calibration", "suspended"), Tone.WARN),
    **dict.fromkeys(
        ("claimed", "enrolled", "commissioned", "bound", "open", "offered", "requested"),
        Tone.BUSY,
    ),
}
"""Every other state is a quiet one."""


def name_of(row: Row | None, fallback: str = "") -> Name:
    """Return what a row is called, its id where it has no name."""
    if row is None:
        return Name(zh=fallback, en=fallback)
    if "name_zh" not in row.values:
        return Name(zh=row.id, en=row.id)
    zh, en = row.text("name_zh"), row.text("name_en")
    return Name(zh=zh or en or row.id, en=en or zh or row.id)


def named(row: Row | None, href: str = "", fallback: str = "") -> Cell:
    """Return a cell with the name of a row."""
    return Cell(name=name_of(row, fallback), href=href) if row or fallback else NOTHING


def text(value: str, href: str = "", *, is_code: bool = False) -> Cell:
    """Return a cell with a text; a dash when it is empty."""
    return Cell(text=value, href=href, is_code=is_code)


def word(field: str, value: str) -> Cell:
    """Return a cell with the word for one of a field's choices."""
    return Cell(word=f"registry.{field}_{value}") if value else NOTHING


def state(value: str) -> Cell:
    """Return the chip of a state."""
    return Cell(word=f"registry.state_{value}", tone=_TONES.get(value, Tone.QUIET))


def moment(at_ms: int | None) -> Cell:
    """Return a cell with a time; a dash when there is none."""
    return Cell(at_ms=at_ms)


def number(value: object) -> Cell:
    """Return a cell with a measured number as it was registered."""
    return NOTHING if value is None else Cell(text=f"{value:g}")


def fact(field: str, cell: Cell, *, is_wide: bool = False) -> Fact:
    """Return a fact under the title of a field."""
    return Fact(label=f"registry.field_{field}", cell=cell, is_wide=is_wide)
