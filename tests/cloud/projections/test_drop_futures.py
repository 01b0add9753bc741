"""A projection that has seen more than the archive holds is made anew."""

from pathlib import Path

from cloud.projections.state_file import StateFile, drop_futures


def made(file: Path, next_index: int) -> None:
    state = StateFile(file, "")
    with state.transaction(next_index):
        pass
    state.close()


def cursor_of(file: Path) -> int:
    state = StateFile(file, "")
    state.close()
    return state.cursor


def test_a_projection_ahead_of_the_archive_begins_anew(tmp_path: Path) -> None:
    made(tmp_path / "latest.db", 11)
    made(tmp_path / "alarms.db", 10)
    assert drop_futures(tmp_path, 10) == ["latest"]
    assert cursor_of(tmp_path / "latest.db") == 0
    assert cursor_of(tmp_path / "alarms.db") == 10


def test_a_file_of_another_kind_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "other.db").touch()
    assert drop_futures(tmp_path, 0) == []
    assert drop_futures(tmp_path / "nowhere", 0) == []
    assert (tmp_path / "other.db").exists()
