"""Files are named by their hash, whole or not there, and never another's."""

from pathlib import Path

import pytest

from cloud.registry_pages.files import MAX_BYTES, FileFolder


def test_what_was_put_is_there_under_its_hash(tmp_path: Path) -> None:
    files = FileFolder(tmp_path)
    name = files.put(b"photo")
    assert files.put(b"photo") == name
    assert FileFolder(tmp_path).get(name) == b"photo"
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == [name]


def test_a_damaged_file_is_as_good_as_none(tmp_path: Path) -> None:
    files = FileFolder(tmp_path)
    name = files.put(b"photo")
    (tmp_path / name[:2] / name).write_bytes(b"phot0")
    assert files.get(name) is None


@pytest.mark.parametrize("name", ["", "..", "../../etc/passwd", "0" * 63, "0" * 64, "G" * 64])
def test_nothing_else_can_be_read(tmp_path: Path, name: str) -> None:
    assert FileFolder(tmp_path).get(name) is None


def test_a_file_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at most"):
        FileFolder(tmp_path).put(bytes(MAX_BYTES + 1))
