"""A report as text for a person, and as JSON for a program."""

import json
from collections.abc import Iterator
from dataclasses import asdict

from evidence.verifier.report import TITLES, Check, Place, Report

SHOWN_FINDINGS = 20


def as_text(report: Report) -> str:
    """Return the lines that a person reads."""
    return "\n".join(_lines(report)) + "\n"


def as_json(report: Report) -> str:
    """Return one line of JSON."""
    document = {
        "subject": report.subject,
        "kind": report.kind,
        "passed": report.passed,
        "checks": [_check(check) for check in report.in_order()],
        "finding_count": report.finding_count,
        "findings": [asdict(noted) for noted in report.findings],
        "revocations": [asdict(revocation) for revocation in report.revocations],
        "counts": report.counts,
    }
    return json.dumps(document, ensure_ascii=False)


def _lines(report: Report) -> Iterator[str]:
    yield f"{report.kind} {report.subject}"
    for check in report.in_order():
        word = "PASS" if check.passed else "FAIL"
        yield f"{word}  {check.name:<11} {TITLES[check.name]} ({check.examined})"
        if check.first is not None:
            more = check.failures - 1
            yield f"      {check.first.message}"
            yield f"      at {check.first.place}" + (f"; and {more} more" if more else "")
    for gone in report.revocations[:SHOWN_FINDINGS]:
        people = f"{gone.requested_by} and {gone.approved_by}"
        yield f"NOTE  revoked: gateway {gone.gateway}, key {gone.kid}, by {people}"
        yield f"      at file {gone.file}, record {gone.record}"
    if len(report.revocations) > SHOWN_FINDINGS:
        yield f"NOTE  and {len(report.revocations) - SHOWN_FINDINGS} more revoked keys"
    for noted in report.findings[:SHOWN_FINDINGS]:
        seqs = f"seq {noted.lo}" if noted.lo == noted.hi else f"seq {noted.lo}-{noted.hi}"
        where = f"gateway {noted.gateway}, epoch {noted.epoch}, {seqs}"
        yield f"NOTE  {noted.finding}: {where}" + (f": {noted.detail}" if noted.detail else "")
    if report.finding_count > SHOWN_FINDINGS:
        yield f"NOTE  and {report.finding_count - SHOWN_FINDINGS} more findings"
    yield ", ".join(f"{number} {what}" for what, number in report.counts.items())
    yield "PASS" if report.passed else "FAIL"


def _check(check: Check) -> dict[str, object]:
    first = check.first
    return {
        "name": str(check.name),
        "passed": check.passed,
        "examined": check.examined,
        "failures": check.failures,
        "first": first and {"message": first.message, "place": _known(first.place)},
    }


def _known(place: Place) -> dict[str, object]:
    return {name: value for name, value in place._asdict().items() if value is not None}
