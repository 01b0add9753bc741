"""Names and contents of tile files, as tlog-tiles lays them out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.errors import WireError
from evidence.tile_layout import (
    ENTRIES,
    MAX_LEVEL,
    TileName,
    decode_bundle,
    encode_bundle,
    full_tiles,
    parse_path,
    partial_tiles,
    split_hashes,
)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (TileName(0, 0), "tile/0/000"),
        (TileName(1, 1234067), "tile/1/x001/x234/067"),
        (TileName(2, 5, 17), "tile/2/005.p/17"),
        (TileName(ENTRIES, 1000, 255), "tile/entries/x001/000.p/255"),
    ],
)
def test_paths_are_those_of_the_specification(name: TileName, path: str) -> None:
    assert name.path == path
    assert parse_path(path) == name


@given(st.integers(ENTRIES, MAX_LEVEL), st.integers(0, 2**56), st.integers(1, 256))
def test_a_name_comes_back_from_its_path(level: int, index: int, width: int) -> None:
    name = TileName(level, index, width)
    assert parse_path(name.path) == name


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0",
        "tile/00/000",
        "tile/8/000",
        "tile/0/x000/000",
        "tile/0/000.p/256",
        "tile/0/000.p/0",
        "tile/0/000.p/05",
        "tile/0/1000",
        "tile/entries/000.tmp",
        "tile/0/000/",
        "checkpoint",
    ],
)
def test_another_spelling_names_no_tile(path: str) -> None:
    assert parse_path(path) is None


def test_the_files_of_a_small_log() -> None:
    assert [name.path for name in partial_tiles(70000)] == [
        "tile/entries/273.p/112",
        "tile/0/273.p/112",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    ]
    names = [name.path for name in full_tiles(70000)]
    assert (len(names), names[0], names[-1]) == (
        273 + 273 + 1,
        "tile/entries/000",
        "tile/1/000",
    )
    assert all(parse_path(path) for path in names)
    assert max(name.leaves for name in full_tiles(70000)) <= 70000


@given(st.lists(st.binary(max_size=400), max_size=300))
def test_a_bundle_comes_back(entries: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(entries)) == entries


@given(st.binary(max_size=200))
def test_any_bytes_are_a_bundle_or_a_wire_error(data: bytes) -> None:
    try:
        assert encode_bundle(decode_bundle(data)) == data
    except WireError as error:
        assert error.code == "field"  # noqa: PT017 -- either outcome is right


def test_a_cut_tile_is_refused() -> None:
    assert split_hashes(bytes(64)) == [bytes(32)] * 2
    with pytest.raises(WireError):
        split_hashes(bytes(63))
