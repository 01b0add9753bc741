"""Packages of calibration certificates as laboratories send them."""

import zipfile
from collections.abc import Mapping, Sequence
from io import BytesIO

from openpyxl import Workbook

HEAD = (
    "探头编号",
    "证书编号",
    "校准机构",
    "校准日期",
    "有效期至",
    "结论",
    "文件名",
    "项目1",
    "标准值1",
    "误差1",
    "允许误差1",
)
PDF = b"%PDF-1.7\ncertificate"


def sheet(*rows: Sequence[object], head: Sequence[object] = HEAD) -> bytes:
    """Return a spreadsheet."""
    book = Workbook()
    page = book.worksheets[0]
    page.append(list(head))
    for row in rows:
        page.append(list(row))
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def archive(files: Mapping[str, bytes]) -> bytes:
    """Return a zip."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, data in files.items():
            zipped.writestr(name, data)
    return out.getvalue()


def row(sensor: str = "SP1", number: str = "JZ-9", **cells: object) -> tuple[object, ...]:
    """Return a good row, with changes by English column name."""
    values: dict[str, object] = {
        "sensor": sensor,
        "certificate_no": number,
        "laboratory": "CNAS L0001",
        "calibrated_on": "2026-11-01",
        "valid_until": "2027-10-31",
        "result": "合格",
        "file": "a.pdf",
        "quantity_1": "温度",
        "reference_1": 5,
        "error_1": 0.2,
        "permitted_1": 0.5,
        **cells,
    }
    return tuple(values.values())


def package(*rows: Sequence[object], pdfs: Sequence[str] = ("a.pdf",)) -> bytes:
    """Return a zip with a spreadsheet of these rows and PDFs of these names."""
    return archive({"certificates.xlsx": sheet(*rows), **dict.fromkeys(pdfs, PDF)})
