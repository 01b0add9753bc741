"""Prints a change record 变更记录 as PDF; nothing is decided here."""

from collections.abc import Mapping
from typing import Final

from device_registry.commissioning.document import Document, Signature, sha256_of
from device_registry.commissioning.sheet import Printing, Sheet
from domain.gsp.finding import finding_of
from domain.gsp.phrases import Phrases

PACKAGES: Final = ("domain.gsp", "device_registry.commissioning", "device_registry.jobs")
"""Where the texts of jobs are."""


def record_pdf(
    record: Document, signatures: tuple[Signature, ...], printing: Printing
) -> bytes:
    """Return a change record as PDF, in the language and time zone of `printing`."""
    phrases = Phrases(*PACKAGES)
    sheet = Sheet(printing, phrases)
    sheet.title(sheet.say("record.title"))
    head = {
        "report.number": str(record["id"]),
        "record.job": sheet.say(f"job.{record['job']}"),
        "report.site": str(record["site"]),
        "report.technician": str(record["technician"]),
        "report.date": sheet.time(record["at_ms"]),
        "report.digest": f"sha256:{sha256_of(record)}",
    }
    sheet.table([[sheet.say(key), value] for key, value in head.items()], [38, 140], head=False)
    _answers(sheet, record, phrases)
    _changes(sheet, record)
    _findings(sheet, record, phrases)
    sheet.signatures(signatures)
    return sheet.pdf(sheet.say("record.title"))


def _answers(sheet: Sheet, record: Document, phrases: Phrases) -> None:
    answers = record["answers"]
    assert isinstance(answers, Mapping)  # noqa: S101 - our own document
    sheet.heading(sheet.say("record.answers"))
    rows = []
    for name, value in answers.items():
        choice = f"choice.{value}"
        shown = sheet.say(choice) if choice in phrases.keys else str(value)
        rows.append([sheet.say(f"input.{name}"), "✓" if value == "yes" else shown])
    sheet.table(rows, [60, 118], head=False)


def _changes(sheet: Sheet, record: Document) -> None:
    changes = record["changes"]
    assert isinstance(changes, list)  # noqa: S101 - our own document
    if not changes:
        return
    sheet.heading(sheet.say("record.changes"))
    rows = [[sheet.say(f"record.{key}") for key in ("what", "old", "new")]]
    rows += [[str(c["id"]), _told(c["old"]), _told(c["new"])] for c in changes]
    sheet.table(rows, [48, 65, 65], head=True)


def _findings(sheet: Sheet, record: Document, phrases: Phrases) -> None:
    findings = record["findings"]
    assert isinstance(findings, list)  # noqa: S101 - our own document
    if findings:
        sheet.heading(sheet.say("record.findings"))
    for document in findings:
        sheet.line(phrases.finding(finding_of(document), sheet.printing.lang))


def _told(values: object) -> str:
    if not isinstance(values, Mapping):
        return "—"
    return ", ".join("—" if value is None else str(value) for value in values.values())
