"""Requests that commands leave for the server: served once, answered, never lost by a crash."""

from pathlib import Path

from cloud.spool import Spool, answer, folder_of, leave
from evidence.errors import WireError


def test_a_request_is_answered_and_removed(tmp_path: Path) -> None:
    name = leave(tmp_path, "card", b"data")
    assert answer(tmp_path, name) is None
    taken: list[bytes] = []
    Spool(tmp_path, {"card": lambda data: taken.append(data) or {"n": len(data)}}).take()
    assert taken == [b"data"]
    assert answer(tmp_path, name) == {"n": 4}
    assert answer(tmp_path, name) is None
    assert list(folder_of(tmp_path).iterdir()) == []


def test_what_was_left_while_the_server_was_away_is_taken_at_its_start(tmp_path: Path) -> None:
    names = [leave(tmp_path, "card", bytes([n])) for n in range(5)]
    Spool(tmp_path, {"card": lambda data: {"n": data[0]}}).take()
    assert [answer(tmp_path, name) for name in names] == [{"n": n} for n in range(5)]


def test_an_invalid_request_is_answered_and_does_not_come_again(tmp_path: Path) -> None:
    def refuse(_: bytes) -> dict[str, int]:
        raise WireError("cbor", "no")

    name = leave(tmp_path, "card", b"")
    Spool(tmp_path, {"card": refuse}).take()
    assert answer(tmp_path, name) == {"invalid": 1}


def test_a_request_of_an_unknown_kind_is_dropped(tmp_path: Path) -> None:
    leave(tmp_path, "later", b"")
    Spool(tmp_path, {}).take()
    assert list(folder_of(tmp_path).iterdir()) == []


def test_the_spool_is_its_owners_alone(tmp_path: Path) -> None:
    assert folder_of(tmp_path).stat().st_mode & 0o077 == 0
