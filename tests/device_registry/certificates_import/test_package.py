"""What is handed in is read within limits, and names are only names."""

import contextlib
import zipfile
from datetime import date, datetime
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_registry.certificates_import.errors import PackageError
from device_registry.certificates_import.package import MAX_FILE_BYTES, read_folder, read_zip
from device_registry.certificates_import.spreadsheet import COLUMNS, read_rows, template
from tests.support.certificate_packages import HEAD, PDF, archive, package, row, sheet


def test_files_are_known_by_their_last_part_whatever_their_folder() -> None:
    found = read_zip(
        archive(
            {
                "批次/certificates.xlsx": sheet(row()),
                "../../etc/A.PDF": PDF,
                "win\\b.pdf": PDF,
                "__MACOSX/._a.pdf": b"junk",
                "~$certificates.xlsx": b"junk",
                "readme.txt": b"",
            }
        )
    )
    assert found.sheet_name == "certificates.xlsx"
    assert sorted(found.pdfs) == ["a.pdf", "b.pdf"]


def test_a_folder_is_read_the_same(tmp_path: Path) -> None:
    (tmp_path / "list.xlsx").write_bytes(sheet(row()))
    (tmp_path / "A.pdf").write_bytes(PDF)
    (tmp_path / "deeper").mkdir()
    assert dict(read_folder(tmp_path).pdfs) == {"a.pdf": PDF}


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (b"no zip", "package.not_zip"),
        (archive({"a.pdf": PDF}), "package.sheets"),
        (archive({"a.xlsx": b"", "b.xlsx": b""}), "package.sheets"),
        (archive({"s.xlsx": b"", "x/a.pdf": PDF, "y/A.pdf": PDF}), "package.same_name"),
        (archive({"s.xlsx": b"", "a.pdf": bytes(MAX_FILE_BYTES + 1)}), "package.file_large"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(data: bytes, key: str) -> None:
    with pytest.raises(PackageError) as raised:
        read_zip(data)
    assert raised.value.key == key


@given(st.binary(max_size=200))
def test_any_bytes_are_a_package_or_refused(data: bytes) -> None:
    for read in (read_zip, read_rows):
        with pytest.raises(PackageError):
            read(data)


WHOLE = package(row())
PAGE = "xl/worksheets/sheet1.xml"


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(data)) as zipped:
        return {name: zipped.read(name) for name in zipped.namelist()}


SHEET = members(read_zip(WHOLE).sheet)


def read_or_refuse(data: bytes) -> None:
    with contextlib.suppress(PackageError):
        read_rows(read_zip(data).sheet)


def damaged(data: bytes, at: int, by: int) -> bytes:
    return data[:at] + bytes((data[at] ^ by,)) + data[at + 1 :]


@settings(max_examples=60)
@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_a_damaged_package_is_read_or_refused(at: int, by: int) -> None:
    read_or_refuse(damaged(WHOLE, at, by))


@settings(max_examples=60)
@given(st.integers(0, len(SHEET[PAGE]) - 1), st.integers(1, 127))
def test_a_spreadsheet_made_by_hand_is_read_or_refused(at: int, by: int) -> None:
    page = damaged(SHEET[PAGE], at, by)
    read_or_refuse(archive({"s.xlsx": archive({**SHEET, PAGE: page})}))


def test_cells_become_text_as_people_see_them() -> None:
    rows = read_rows(
        sheet(
            (),
            (
                "SP1",
                123,
                "L",
                datetime(2026, 5, 1),  # noqa: DTZ001 - spreadsheets know no zone
                date(2027, 5, 1),
                "合格",
                None,
                "温度",
                5.0,
            ),
            ("SP2", "", "", "", "", "", "", "", 0.1 + 0.2),
        )
    )
    assert [r.number for r in rows] == [3, 4]
    assert rows[0].cells["certificate_no"] == "123"
    assert rows[0].cells["calibrated_on"] == "2026-05-01"
    assert rows[0].cells["valid_until"] == "2027-05-01"
    assert rows[0].cells["reference_1"] == "5"
    assert rows[1].cells["reference_1"] == "0.3"


def test_a_missing_column_is_named() -> None:
    with pytest.raises(PackageError, match="证书编号"):
        read_rows(sheet(head=[h for h in HEAD if h != "证书编号"]))


def test_english_heads_and_the_template_are_understood() -> None:
    assert read_rows(sheet(("S",), head=list(COLUMNS)))[0].cells == {"sensor": "S"}
    assert read_rows(template()) == []
