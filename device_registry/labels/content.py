"""What stands on a label: a heading, a few lines, the id in plain text, and a QR code.

Pure. The QR code holds the address of the thing's page: whoever may see it there sees it, and a
stranger learns no more than the address.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from domain.gsp.finding import Words
from domain.gsp.phrases import Phrases

PHRASES: Final = Phrases("device_registry.labels")
MAX_QR_CHARS: Final = 180
"""Still a QR code of version 10 at level M, whose dots a phone can tell apart at 20 mm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One label, in one language."""

    heading: str
    lines: tuple[str, ...]
    code: str
    """The id, also readable without a camera."""
    qr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """In which language a label is, and where its QR code leads."""

    base_url: str
    """`https://host`, without a slash at the end."""
    lang: str

    def page(self, folder: str, id_: str) -> str:
        """Return the address of a thing's page."""
        return f"{self.base_url}/registry/{folder}/{id_}"


def gateway_label(id_: str, serial: str, site: Words, target: Target) -> Label:
    """Return the label of a gateway."""
    lines = (site.of(target.lang), *((_line("serial", serial, target),) if serial else ()))
    return _label("gateway", id_, lines, target)


@dataclass(frozen=True, slots=True, kw_only=True)
class PointOnLabel:
    """What a point's label tells."""

    id: str
    number: int
    """The channel of its gateway, which people call its number."""
    name: Words
    place: Words
    valid_until: date | None
    """Of the newest calibration of its sensor."""


def point_label(point: PointOnLabel, target: Target) -> Label:
    """Return the label of a measuring point: number, place, calibration valid until."""
    until = point.valid_until.isoformat() if point.valid_until else "—"
    # What a label lacks room for is cut from the end: the date is never.
    lines = (
        _line("valid_until", until, target),
        point.name.of(target.lang),
        point.place.of(target.lang),
    )
    return Label(
        heading=_line("point", str(point.number), target),
        lines=tuple(line for line in lines if line),
        code=point.id,
        qr=f"{target.base_url}/points/{point.id}",
    )


def place_label(id_: str, kind: str, name: Words, site: Words, target: Target) -> Label:
    """Return the label of a refrigerator or another place; `kind` is its place kind."""
    heading = PHRASES.say(f"place.{kind}", target.lang)
    lines = (name.of(target.lang), site.of(target.lang))
    return Label(heading=heading, lines=lines, code=id_, qr=target.page("places", id_))


def site_label(id_: str, name: Words, organisation: Words, target: Target) -> Label:
    """Return the label at the door of a site."""
    return _label("site", id_, (name.of(target.lang), organisation.of(target.lang)), target)


def _label(kind: str, id_: str, lines: tuple[str, ...], target: Target) -> Label:
    heading = PHRASES.say(f"label.{kind}", target.lang)
    return Label(heading=heading, lines=lines, code=id_, qr=target.page(f"{kind}s", id_))


def _line(key: str, value: str, target: Target) -> str:
    return PHRASES.say(f"label.{key}", target.lang, value=value)
