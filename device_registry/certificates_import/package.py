"""Reads what was handed in: a spreadsheet and PDFs, in a zip or a folder.

Nothing is unpacked to disk, and names are only names: files are known by their last part and
kept by their hash. Sizes are checked before anything is unpacked.
"""

import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Final

from device_registry.certificates_import.errors import PackageError

MAX_FILES: Final = 5000
MAX_FILE_BYTES: Final = 8 * 1024 * 1024
"""A scanned certificate has 2 MiB; the file store takes 8."""
MAX_TOTAL_BYTES: Final = 512 * 1024 * 1024
SHEET: Final = ".xlsx"
PDF: Final = ".pdf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One spreadsheet, and the PDFs beside it by name (lower case, without folders)."""

    sheet_name: str
    sheet: bytes
    pdfs: Mapping[str, bytes]


def read_zip(data: bytes) -> Package:
    """Return the contents of a zip.

    Raises:
        PackageError: no zip, too large, two files of one name, or not exactly one spreadsheet.
    """
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            _check_sizes((info.filename, info.file_size) for info in infos)
            wanted = [info for info in infos if _is_wanted(info.filename)]
            return _package((info.filename, _unpacked(archive, info)) for info in wanted)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, ValueError) as error:
        raise PackageError("package.not_zip") from error


def read_folder(folder: Path) -> Package:
    """Return the contents of a folder, one level deep; errors as `read_zip`."""
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    _check_sizes((path.name, path.stat().st_size) for path in files)
    wanted = [path for path in files if _is_wanted(path.name)]
    return _package((path.name, path.read_bytes()) for path in wanted)


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    # The size in the directory may lie: never more is read than it says is allowed.
    with archive.open(info) as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise PackageError("package.file_large", name=_base(info.filename))
    return data


def _check_sizes(files: Iterable[tuple[str, int]]) -> None:
    sizes = list(files)
    if len(sizes) > MAX_FILES:
        raise PackageError("package.many_files", most=str(MAX_FILES))
    for name, size in sizes:
        if size > MAX_FILE_BYTES:
            raise PackageError("package.file_large", name=_base(name))
    if sum(size for _, size in sizes) > MAX_TOTAL_BYTES:
        raise PackageError("package.large", most=str(MAX_TOTAL_BYTES // 1024 // 1024))


def _package(files: Iterator[tuple[str, bytes]]) -> Package:
    sheets: list[tuple[str, bytes]] = []
    pdfs: dict[str, bytes] = {}
    for name, data in files:
        base = _base(name)
        if base.lower().endswith(SHEET):
            sheets.append((base, data))
        elif base.lower() in pdfs:
            raise PackageError("package.same_name", name=base)
        else:
            pdfs[base.lower()] = data
    if len(sheets) != 1:
        raise PackageError("package.sheets", found=str(len(sheets)))
    return Package(sheet_name=sheets[0][0], sheet=sheets[0][1], pdfs=pdfs)


def _is_wanted(name: str) -> bool:
    base = _base(name)
    # Temporary files of spreadsheet programs and of macOS are there in most packages.
    is_junk = base.startswith(("~$", "._", "."))
    return not is_junk and base.lower().endswith((SHEET, PDF))


def _base(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).name
