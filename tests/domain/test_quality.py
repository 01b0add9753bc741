"""Quality codes are wire numbers."""

from domain.quality import NO_VALUE_FROM, Quality, has_value


def test_the_numbers_on_the_wire_never_change() -> None:
    assert {q.name: q.value for q in Quality} == {
        "GOOD": 0,
        "CLOCK_UNCERTAIN": 1,
        "OUT_OF_RANGE": 2,
        "TIMEOUT": 8,
        "EXCEPTION": 9,
        "SENSOR_ERROR": 10,
        "NOT_FINITE": 11,
    }


def test_from_eight_on_there_is_no_value() -> None:
    assert [q for q in range(16) if has_value(q)] == list(range(NO_VALUE_FROM))
