"""Reads the rows of a certificate spreadsheet; columns are known by their heads.

Row 1 is the head. Columns: 探头编号 sensor (id or serial number) · 证书编号 certificate_no ·
校准机构 laboratory · 校准日期 calibrated_on · 有效期至 valid_until (optional) · 结论 result
(合格 or 不合格, pass or fail) · 文件名 file (optional) · and for n = 1…20 项目n quantity_n ·
标准值n reference_n · 误差n error_n · 允许误差n permitted_n (optional). `template` makes an
empty one.
"""

import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from typing import Final

from openpyxl import Workbook, load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from device_registry.certificates_import.errors import PackageError

MAX_ROWS: Final = 20_000
MAX_POINTS: Final = 20
MAX_UNPACKED_BYTES: Final = 200 * 1024 * 1024
"""An .xlsx is a zip; one that unpacks to more is no list of certificates."""

COLUMNS: Final[Mapping[str, str]] = {
    "sensor": "探头编号",
    "certificate_no": "证书编号",
    "laboratory": "校准机构",
    "calibrated_on": "校准日期",
    "valid_until": "有效期至",
    "result": "结论",
    "file": "文件名",
}
POINT_COLUMNS: Final[Mapping[str, str]] = {
    "quantity": "项目",
    "reference": "标准值",
    "error": "误差",
    "permitted": "允许误差",
}
REQUIRED: Final = ("sensor", "certificate_no", "laboratory", "calibrated_on", "result")
_HEADS: Final = {
    **{zh: name for name, zh in COLUMNS.items()},
    **{name: name for name in COLUMNS},
    **{
        head: f"{name}_{n}"
        for n in range(1, MAX_POINTS + 1)
        for name, zh in POINT_COLUMNS.items()
        for head in (f"{zh}{n}", f"{name}_{n}")
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetRow:
    """One row as written: column name to text; `number` is what the spreadsheet shows."""

    number: int
    cells: Mapping[str, str]


_UNREADABLE: Final = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, InvalidFileException),
    *(SyntaxError, LookupError, ValueError, TypeError, AttributeError),
)
"""What openpyxl and the readers under it raise for files that are damaged or made by hand."""


def read_rows(sheet: bytes) -> list[SheetRow]:
    """Return the rows of the first sheet; empty ones are left out.

    Raises:
        PackageError: not a spreadsheet, a required column is missing, or too many rows.
    """
    _check_unpacked(sheet)
    try:
        book = load_workbook(BytesIO(sheet), read_only=True, data_only=True)
        try:
            return list(_rows(book.worksheets[0].iter_rows(values_only=True)))
        finally:
            book.close()
    except _UNREADABLE as error:
        raise PackageError("package.not_sheet") from error


def template() -> bytes:
    """Return an empty spreadsheet with Chinese heads and two calibration points."""
    book = Workbook()
    sheet = book.worksheets[0]
    points = [f"{zh}{n}" for n in (1, 2) for zh in POINT_COLUMNS.values()]
    sheet.append([*COLUMNS.values(), *points])
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def _check_unpacked(sheet: bytes) -> None:
    try:
        with zipfile.ZipFile(BytesIO(sheet)) as archive:
            size = sum(info.file_size for info in archive.infolist())
    except zipfile.BadZipFile as error:
        raise PackageError("package.not_sheet") from error
    if size > MAX_UNPACKED_BYTES:
        raise PackageError("package.file_large", name="xlsx")


def _rows(rows: Iterator[Sequence[object]]) -> Iterator[SheetRow]:
    names = [_HEADS.get(_text(cell)) for cell in next(rows, ())]
    missing = [COLUMNS[name] for name in REQUIRED if name not in names]
    if missing:
        raise PackageError("package.columns", names=", ".join(missing))
    for number, row in enumerate(rows, start=2):
        if number > MAX_ROWS:
            raise PackageError("package.many_rows", most=str(MAX_ROWS))
        cells = {
            name: _text(cell)
            for name, cell in zip(names, row, strict=False)
            if name is not None and _text(cell)
        }
        if cells:
            yield SheetRow(number=number, cells=cells)


def _text(cell: object) -> str:
    match cell:
        case None:
            return ""
        case datetime():
            return cell.date().isoformat()
        case date():
            return cell.isoformat()
        case float() if cell.is_integer():
            return str(int(cell))
        case float():
            # Spreadsheets keep 0.1 + 0.2 as it is; fifteen digits are what they show.
            return format(cell, ".15g")
        case _:
            return str(cell).strip()
