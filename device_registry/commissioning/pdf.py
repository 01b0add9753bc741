"""Prints the commissioning report as PDF.

The same document and pictures give the same bytes. Nothing is decided here.
"""

from collections.abc import Mapping
from typing import Any, Final

from device_registry.commissioning.document import Document, Signature, sha256_of
from device_registry.commissioning.point_checks import shown_unit
from device_registry.commissioning.sheet import Printing, Sheet
from domain.gsp.finding import finding_of
from domain.gsp.phrases import Phrases

MAX_PHOTOS: Final = 60
"""Pictures on paper; a site of 20 points has three of each and the rest stay in the vault."""
PHOTO_MM: Final = 55
_PHRASES: Final = ("domain.gsp", "device_registry.commissioning")


def report_pdf(
    document: Document, signatures: tuple[Signature, ...], printing: Printing
) -> bytes:
    """Return a commissioning report as PDF.

    Args:
        document: what `report.build` gave; nothing is decided here.
        signatures: who signed it so far.
        printing: language, time zone and the pictures it names, by hash.
    """
    sheet = Sheet(printing, Phrases(*_PHRASES))
    site, gateway = _part(document, "site"), _part(document, "gateway")
    title = sheet.say("report.title")
    sheet.title(f"{title}  {sheet.name(site['name'])}")
    result = "report.passed" if document["passed"] is True else "report.not_passed"
    head = {
        "report.number": str(document["id"]),
        "report.organisation": sheet.name(site["organisation"]),
        "report.site": f"{sheet.name(site['name'])} ({site['id']})",
        "report.address": str(site["address"]),
        "report.gateway": f"{gateway['id']} {gateway['model']} {gateway['serial']}",
        "report.technician": str(document["technician"]),
        "report.date": sheet.time(document["at_ms"]),
        "report.result": sheet.say(result),
        "report.digest": f"sha256:{sha256_of(document)}",
    }
    sheet.table([[sheet.say(key), value] for key, value in head.items()], [38, 140], head=False)
    _points(sheet, document)
    _sections(sheet, document)
    _photos(sheet, document)
    sheet.signatures(signatures)
    return sheet.pdf(title)


def _points(sheet: Sheet, document: Document) -> None:
    keys = ("point", "place", "height", "sensor", "certificate", "value")
    names = {p["id"]: sheet.name(p["name"]) for p in _list(document, "places")}
    sheet.heading(sheet.say("section.points"))
    rows = [["#", *(sheet.say(f"report.{key}") for key in keys)]]
    rows += [
        [
            str(point["channel"]),
            sheet.name(point["name"]),
            names.get(point["place"], ""),
            str(point["height_m"]),
            f"{point['model']} {point['serial']}",
            str(point["certificate"]),
            f"{point['value']} {shown_unit(str(point['unit']))}",
        ]
        for point in _list(document, "points")
    ]
    sheet.table(rows, [8, 40, 32, 18, 34, 28, 18], head=True)


def _sections(sheet: Sheet, document: Document) -> None:
    phrases, lang = Phrases(*_PHRASES), sheet.printing.lang
    names = {p["id"]: sheet.name(p["name"]) for p in _list(document, "places")}
    names |= {p["id"]: sheet.name(p["name"]) for p in _list(document, "points")}
    for section in _list(document, "sections"):
        sheet.heading(sheet.say(f"section.{section['section']}"))
        found = [finding_of(f) for f in section["findings"]]
        sheet.table(
            [
                [
                    sheet.say(f"level.{f.level}"),
                    names.get(f.about, f.about),
                    phrases.finding(f, lang),
                ]
                for f in found
            ]
            or [["", "", ""]],
            [18, 40, 120],
            head=False,
        )


def _photos(sheet: Sheet, document: Document) -> None:
    wanted = [str(photo) for step in _list(document, "steps") for photo in step["photos"]]
    wanted += [str(point["photo"]) for point in _list(document, "points") if point["photo"]]
    if not wanted:
        return
    sheet.heading(sheet.say("report.photos"))
    for digest in list(dict.fromkeys(wanted))[:MAX_PHOTOS]:
        sheet.picture(digest, PHOTO_MM)


def _part(document: Document, name: str) -> Mapping[str, object]:
    part = document[name]
    assert isinstance(part, Mapping)  # noqa: S101 - our own document
    return part


def _list(document: Document, name: str) -> list[dict[str, Any]]:
    part = document[name]
    assert isinstance(part, list)  # noqa: S101 - our own document
    return part
