"""A projection's file: cursor and content change together, or not at all."""

import threading
from pathlib import Path

import pytest

from cloud.errors import UnavailableError
from cloud.projections.state_file import StateFile

SCHEMA = "CREATE TABLE IF NOT EXISTS kept (n INTEGER NOT NULL);"


def kept(state: StateFile) -> list[int]:
    with state.reader() as db:
        return [n for (n,) in db.execute("SELECT n FROM kept ORDER BY n")]


def test_cursor_and_content_are_there_after_a_restart(tmp_path: Path) -> None:
    state = StateFile(tmp_path / "a" / "state.db", SCHEMA)
    with state.transaction(7) as db:
        db.execute("INSERT INTO kept VALUES (1)")
    state.close()
    again = StateFile(tmp_path / "a" / "state.db", SCHEMA)
    assert (again.cursor, kept(again)) == (7, [1])
    again.close()


def test_a_transaction_that_fails_moves_nothing(tmp_path: Path) -> None:
    state = StateFile(tmp_path / "state.db", SCHEMA)

    def fail() -> None:
        with state.transaction(7) as db:
            db.execute("INSERT INTO kept VALUES (1)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (state.cursor, kept(state)) == (0, [])
    with state.transaction(3) as db:
        db.execute("INSERT INTO kept VALUES (2)")
    assert (state.cursor, kept(state)) == (3, [2])
    state.close()


def test_content_may_change_while_the_cursor_stays(tmp_path: Path) -> None:
    state = StateFile(tmp_path / "state.db", SCHEMA)
    with state.transaction() as db:
        db.execute("INSERT INTO kept VALUES (1)")
    assert (state.cursor, kept(state)) == (0, [1])
    state.close()


def test_what_the_database_refuses_is_the_worlds_fault_and_names_the_file(
    tmp_path: Path,
) -> None:
    state = StateFile(tmp_path / "state.db", SCHEMA)
    with pytest.raises(UnavailableError, match=r"state\.db"), state.transaction() as db:
        db.execute("INSERT INTO nothing_like_it VALUES (1)")
    state.close()


def test_the_first_value_remembered_stays(tmp_path: Path) -> None:
    state = StateFile(tmp_path / "state.db", SCHEMA)
    assert [state.remembered("tell_from", n) for n in (5, 9)] == [5, 5]
    state.close()


def test_it_can_be_read_from_other_threads(tmp_path: Path) -> None:
    state = StateFile(tmp_path / "state.db", SCHEMA)
    with state.transaction(1) as db:
        db.execute("INSERT INTO kept VALUES (4)")
    got: list[list[int]] = []
    thread = threading.Thread(target=lambda: got.append(kept(state)))
    thread.start()
    thread.join()
    assert got == [[4]]
    state.close()
