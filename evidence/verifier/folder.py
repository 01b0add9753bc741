"""Which files lie in an archive's folder, and which of them should not."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from evidence.archive_files import LOG, MANIFEST, RECORDS
from evidence.segment_file import INDEX_SUFFIX, is_segment_name
from evidence.tile_layout import CHECKPOINT, TileName, parse_path
from evidence.verifier.report import Check, Place


@dataclass(slots=True, kw_only=True)
class Listing:
    """The files of an archive, by what they are."""

    folder: Path
    segments: list[Path] = field(default_factory=list)
    indexes: dict[str, Path] = field(default_factory=dict)
    tiles: dict[TileName, Path] = field(default_factory=dict)


def list_archive(folder: Path, check: Check) -> Listing:
    """Return the known files of `folder`; every other one is an offence."""
    listing = Listing(folder=folder)
    for name in sorted(_all_files(folder)):
        path = folder / name
        check.examined += 1
        if path.is_symlink() or not path.is_file():
            check.fail("not a plain file", Place(file=name))
        elif not _sort(listing, name, path):
            check.fail("no archive has such a file", Place(file=name))
    listing.segments.sort()
    closed = {path.stem for path in listing.segments[:-1]}
    for stem, path in listing.indexes.items():
        if stem not in closed:
            name = path.relative_to(folder).as_posix()
            check.fail("an index without a closed segment", Place(file=name))
    return listing


def _all_files(folder: Path) -> list[str]:
    """Return everything below `folder` but folders; a link to a folder is no folder."""
    names: list[str] = []
    for where, folders, files in os.walk(folder):
        links = [name for name in folders if Path(where, name).is_symlink()]
        here = Path(where).relative_to(folder)
        names.extend((here / name).as_posix() for name in (*files, *links))
    return names


def _sort(listing: Listing, name: str, path: Path) -> bool:
    """Enter a file where it belongs; return whether it belongs anywhere."""
    parent, _, base = name.rpartition("/")
    if parent == RECORDS and is_segment_name(base):
        listing.segments.append(path)
    elif parent == RECORDS and is_segment_name(path.with_suffix(".seg").name):
        if path.suffix != INDEX_SUFFIX:
            return False
        listing.indexes[path.stem] = path
    elif name.startswith(f"{LOG}/") and (tile := parse_path(name.removeprefix(f"{LOG}/"))):
        listing.tiles[tile] = path
    else:
        return name in {MANIFEST, f"{LOG}/{CHECKPOINT}"}
    return True
