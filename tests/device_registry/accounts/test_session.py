"""`device_registry.accounts.session`: when a log-in no longer counts."""

from dataclasses import replace

from device_registry.accounts.session import (
    ABSOLUTE_MS,
    FRESH_MS,
    IDLE_MS,
    STATION_IDLE_MS,
    Method,
    Session,
    fresh_until_ms,
    is_alive,
    must_note_use,
)

NOW_MS = 1_795_363_200_000
SESSION = Session(
    account="li",
    method=Method.TOTP,
    is_strong=True,
    made_ms=NOW_MS,
    seen_ms=NOW_MS,
    proven_ms=NOW_MS,
    csrf="c",
)


def test_a_session_ends_when_it_is_not_used() -> None:
    assert is_alive(SESSION, NOW_MS + IDLE_MS - 1)
    assert not is_alive(SESSION, NOW_MS + IDLE_MS)


def test_a_session_ends_however_much_it_is_used() -> None:
    used = replace(SESSION, seen_ms=NOW_MS + ABSOLUTE_MS - 1)
    assert is_alive(used, NOW_MS + ABSOLUTE_MS - 1)
    assert not is_alive(used, NOW_MS + ABSOLUTE_MS)


def test_at_a_shared_station_a_session_ends_sooner() -> None:
    shared = replace(SESSION, station="s1")
    assert not is_alive(shared, NOW_MS + STATION_IDLE_MS)


def test_use_is_written_down_once_a_minute() -> None:
    assert not must_note_use(SESSION, NOW_MS + 59_999)
    assert must_note_use(SESSION, NOW_MS + 60_000)


def test_a_proof_of_identity_is_fresh_for_five_minutes() -> None:
    assert fresh_until_ms(SESSION) == NOW_MS + FRESH_MS
