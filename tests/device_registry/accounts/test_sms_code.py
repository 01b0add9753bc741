"""`device_registry.accounts.sms_code`: a code counts once, soon, and after few tries."""

from device_registry.accounts.sms_code import (
    DAY_MS,
    MAX_A_DAY,
    MAX_TRIES,
    PAUSE_MS,
    VALID_MS,
    Sent,
    after_sending,
    after_try,
    wait_ms,
)

NOW_MS = 1_795_363_200_000
PHONE = "+8613800000000"
SENT = after_sending(Sent(), PHONE, "123456", NOW_MS)


def test_the_code_counts_once() -> None:
    good, after = after_try(SENT, PHONE, " 123456", NOW_MS + VALID_MS - 1)
    assert good
    assert not after_try(after, PHONE, "123456", NOW_MS)[0]


def test_the_code_counts_for_five_minutes_and_for_its_phone() -> None:
    assert not after_try(SENT, PHONE, "123456", NOW_MS + VALID_MS)[0]
    assert not after_try(SENT, "+8613800000001", "123456", NOW_MS)[0]


def test_after_five_wrong_tries_the_right_code_counts_no_more() -> None:
    sent = SENT
    for _ in range(MAX_TRIES):
        good, sent = after_try(sent, PHONE, "654321", NOW_MS)
        assert not good
    assert not after_try(sent, PHONE, "123456", NOW_MS)[0]


def test_a_new_code_replaces_the_one_before() -> None:
    again = after_sending(SENT, PHONE, "999999", NOW_MS + PAUSE_MS)
    assert not after_try(again, PHONE, "123456", NOW_MS + PAUSE_MS)[0]
    assert after_try(again, PHONE, "999999", NOW_MS + PAUSE_MS)[0]


def test_one_code_a_minute_and_ten_a_day_are_sent() -> None:
    assert wait_ms(Sent(), NOW_MS) == 0
    assert wait_ms(SENT, NOW_MS + 1) == PAUSE_MS - 1
    sent, at_ms = Sent(), NOW_MS
    for _ in range(MAX_A_DAY):
        assert wait_ms(sent, at_ms) == 0
        sent = after_sending(sent, PHONE, "123456", at_ms)
        at_ms += PAUSE_MS
    assert wait_ms(sent, at_ms) == NOW_MS + DAY_MS - at_ms
    assert wait_ms(sent, NOW_MS + DAY_MS) == 0


def test_the_code_itself_is_not_kept() -> None:
    assert "123456" not in repr(SENT)
