"""Checks every row of a package against the registry and says what would be written.

Pure. Either all rows are good, or nothing is imported: a half-imported box of certificates is
worse than none. All mistakes of all rows are found at once, each with its row.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

from device_registry.certificates_import.spreadsheet import MAX_POINTS, SheetRow
from domain.gsp.calibration import (
    CalibrationPoint,
    Certificate,
    check_errors,
    point_documents,
    valid_until,
)
from domain.gsp.finding import Words
from domain.gsp.metrology_model import metrology_for
from domain.quantity import Quantity

RESULTS: Final = {"合格": "pass", "不合格": "fail", "pass": "pass", "fail": "fail"}
QUANTITIES: Final = {
    "温度": Quantity.TEMPERATURE,
    "湿度": Quantity.HUMIDITY,
    "temperature": Quantity.TEMPERATURE,
    "humidity": Quantity.HUMIDITY,
}
PDF_MAGIC: Final = b"%PDF-"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowProblem:
    """One mistake; its text is `row.<key>`. Row 0 is the package as a whole."""

    row: int
    key: str
    args: Mapping[str, str | Words]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSensor:
    """What the registry knows of a sensor."""

    id: str
    serial: str
    site: str
    state: str
    rule_packs: tuple[str, ...] = ()
    """Names of the packs of the points it serves; they say what error is permitted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCertificate:
    """One calibration to be written."""

    row: int
    sensor: KnownSensor
    id: str
    """Of the calibration row: the same certificate of the same sensor is the same row."""
    fields: Mapping[str, object]
    """Without the file, which the service adds."""
    file: str
    """Name in the package, "" when the row names none."""

    @property
    def next_state(self) -> str:
        """The sensor's state afterwards: a probe back from calibration is a spare again."""
        if self.sensor.state != "calibration":
            return self.sensor.state
        return "stock" if self.fields["result"] == "pass" else "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """What the package would do."""

    certificates: tuple[PlannedCertificate, ...]
    problems: tuple[RowProblem, ...]
    unused: tuple[str, ...]
    """PDFs that no row names; told, not refused."""


def plan_import(
    rows: Sequence[SheetRow],
    sensors: Sequence[KnownSensor],
    pdfs: Mapping[str, bytes],
    today: date,
) -> ImportPlan:
    """Return what would be written, and every mistake."""
    by_name = _by_name(sensors)
    planned: list[PlannedCertificate] = []
    problems: list[RowProblem] = []
    seen: dict[str, int] = {}
    for row in rows:
        reading = _Row(row)
        certificate = reading.certificate(by_name, pdfs, today)
        problems += reading.problems
        if certificate is None:
            continue
        first = seen.setdefault(certificate.id, row.number)
        if first != row.number:
            problems.append(RowProblem(row=row.number, key="twice", args={"first": str(first)}))
        planned.append(certificate)
    named = {row.cells.get("file", "").lower() for row in rows}
    return ImportPlan(
        certificates=tuple(planned),
        problems=tuple(problems),
        unused=tuple(name for name in sorted(pdfs) if name not in named),
    )


def _by_name(sensors: Sequence[KnownSensor]) -> Mapping[str, list[KnownSensor]]:
    found: dict[str, list[KnownSensor]] = {}
    for sensor in sensors:
        for name in {sensor.id, sensor.serial}:
            found.setdefault(name, []).append(sensor)
    return found


class _Row:
    """Reads one row and collects its mistakes."""

    def __init__(self, row: SheetRow) -> None:
        self._row = row
        self.problems: list[RowProblem] = []

    def certificate(
        self,
        sensors: Mapping[str, list[KnownSensor]],
        pdfs: Mapping[str, bytes],
        today: date,
    ) -> PlannedCertificate | None:
        """Return what the row asks for; None when something in it is wrong."""
        sensor = self._sensor(sensors)
        number, laboratory = self._need("certificate_no"), self._need("laboratory")
        calibrated_on = self._date("calibrated_on", today)
        until = self._until()
        result = RESULTS.get(self._cell("result").lower(), "")
        if not result:
            self._wrong("result", value=self._cell("result"))
        points = self._points()
        self._check_pdf(pdfs)
        if self.problems or sensor is None or calibrated_on is None:
            return None
        certificate = Certificate(
            number=number, calibrated_on=calibrated_on, valid_until=until, points=points
        )
        pack = metrology_for(sensor.rule_packs)
        if until is not None and until < calibrated_on:
            self._wrong("order", until=until.isoformat(), day=calibrated_on.isoformat())
        if result == "pass":
            # A certificate that says pass beyond the permitted error is not for this use.
            for finding in check_errors(sensor.id, certificate, pack):
                self._wrong("beyond", **finding.args)
        if self.problems:
            return None
        fields = {
            "sensor": sensor.id,
            "certificate_no": number,
            "laboratory": laboratory,
            "calibrated_on": calibrated_on.isoformat(),
            "valid_until": valid_until(certificate, pack).isoformat(),
            "points": point_documents(points),
            "result": result,
        }
        return PlannedCertificate(
            row=self._row.number,
            sensor=sensor,
            id=calibration_id(sensor.id, number),
            fields=fields,
            file=self._cell("file"),
        )

    def _sensor(self, sensors: Mapping[str, list[KnownSensor]]) -> KnownSensor | None:
        name = self._need("sensor")
        found = sensors.get(name, [])
        if len(found) == 1:
            return found[0]
        if name:
            self._wrong("sensor_twice" if found else "sensor_unknown", value=name)
        return None

    def _points(self) -> tuple[CalibrationPoint, ...]:
        points = []
        for n in range(1, MAX_POINTS + 1):
            cells = {
                name: self._cell(f"{name}_{n}")
                for name in ("quantity", "reference", "error", "permitted")
            }
            if not any(cells.values()):
                continue
            point = _point(cells)
            if point is None:
                self._wrong("point", number=str(n))
            else:
                points.append(point)
        return tuple(points)

    def _check_pdf(self, pdfs: Mapping[str, bytes]) -> None:
        name = self._cell("file")
        if not name:
            return
        data = pdfs.get(name.lower())
        if data is None:
            self._wrong("file_missing", value=name)
        elif not data.startswith(PDF_MAGIC):
            self._wrong("not_pdf", value=name)

    def _date(self, column: str, today: date) -> date | None:
        day = self._day(column, self._need(column))
        if day is not None and day > today:
            self._wrong("future", value=day.isoformat())
        return day

    def _until(self) -> date | None:
        text = self._cell("valid_until")
        return self._day("valid_until", text) if text else None

    def _day(self, column: str, text: str) -> date | None:
        try:
            return _day_of(text) if text else None
        except ValueError:
            self._wrong("date", value=text, column=COLUMN_WORDS[column])
            return None

    def _need(self, column: str) -> str:
        text = self._cell(column)
        if not text:
            self._wrong("empty", column=COLUMN_WORDS[column])
        return text

    def _cell(self, column: str) -> str:
        return self._row.cells.get(column, "")

    def _wrong(self, key: str, **args: str | Words) -> None:
        self.problems.append(RowProblem(row=self._row.number, key=key, args=args))


COLUMN_WORDS: Final = {
    "sensor": Words(zh="探头编号", en="sensor"),
    "certificate_no": Words(zh="证书编号", en="certificate number"),
    "laboratory": Words(zh="校准机构", en="laboratory"),
    "calibrated_on": Words(zh="校准日期", en="day of calibration"),
    "valid_until": Words(zh="有效期至", en="valid until"),
}


def _day_of(text: str) -> date:
    """Return a day written 2026-05-01, 2026/5/1 or 2026.5.1; `ValueError` for anything else."""
    year, month, day = text.replace("/", "-").replace(".", "-").split("-")
    return date(int(year), int(month), int(day))


def _point(cells: Mapping[str, str]) -> CalibrationPoint | None:
    quantity = QUANTITIES.get(cells["quantity"].lower())
    try:
        reference, error = Decimal(cells["reference"]), Decimal(cells["error"].lstrip("+"))
        permitted = Decimal(cells["permitted"].lstrip("±")) if cells["permitted"] else None
    except InvalidOperation:
        return None
    numbers = (reference, error, permitted or Decimal(0))
    if quantity is None or not all(n.is_finite() for n in numbers):
        return None
    return CalibrationPoint(
        quantity=quantity, reference=reference, error=error, permitted=permitted
    )


def calibration_id(sensor: str, number: str) -> str:
    """Return the id of a certificate's row; importing it again changes nothing."""
    named = f"{sensor}\n{number}".encode()
    return f"cal-{hashlib.sha256(named).hexdigest()[:24]}"
