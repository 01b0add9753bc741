"""The manifest: one spelling, and every changed byte noticed."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.archive_files import (
    MANIFEST,
    Manifest,
    Predecessor,
    decode_manifest,
    encode_manifest,
    log_folders,
    read_manifest,
    write_manifest,
)
from evidence.errors import CorruptError

PREDECESSORS = st.builds(
    Predecessor,
    origin=st.text(min_size=1, max_size=60),
    size=st.integers(0, 2**53),
    root=st.binary(min_size=32, max_size=32),
)
MANIFESTS = st.builds(
    Manifest,
    origin=st.text(min_size=1, max_size=60),
    created_ms=st.integers(0, 2**53),
    first_index=st.integers(0, 2**53),
    partitions=st.integers(1, 64),
    predecessor=st.none() | PREDECESSORS,
)


@given(MANIFESTS)
def test_a_manifest_comes_back(manifest: Manifest) -> None:
    assert decode_manifest(encode_manifest(manifest)) == manifest


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_other_bytes_are_no_manifest(data: bytes) -> None:
    assert decode_manifest(data) is None


def test_every_single_changed_bit_is_noticed(tmp_path: Path) -> None:
    before = Predecessor(origin="example.org/log/2025", size=7, root=bytes(32))
    manifest = Manifest(origin="example.org/log/2026", created_ms=1, predecessor=before)
    write_manifest(tmp_path, manifest)
    assert read_manifest(tmp_path) == manifest
    data = (tmp_path / MANIFEST).read_bytes()
    assert json.loads(data)["format"] == "coldwarden-archive-1"
    for at in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[at] ^= 1 << bit
            assert decode_manifest(bytes(changed)) is None
    (tmp_path / MANIFEST).write_bytes(data.replace(b":7", b": 7"))
    with pytest.raises(CorruptError, match="changed"):
        read_manifest(tmp_path)


def test_a_folder_without_a_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorruptError, match="is this an archive"):
        read_manifest(tmp_path)


def test_the_logs_of_an_archive_lie_beside_each_other(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("archive", "archive-2", "archive-3", "archive-5")]
    for folder in folders:
        folder.mkdir()
        write_manifest(folder, Manifest(origin=f"o/{folder.name}", created_ms=0))
    assert log_folders(folders[0]) == folders[:3]
    assert log_folders(folders[1]) == folders[1:2]
