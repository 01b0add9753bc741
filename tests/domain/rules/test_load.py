"""Shipped packs say what the regulations say; malformed ones are refused by name."""

import pytest

from domain.errors import BadDataFileError, UnknownPackError
from domain.quantity import Quantity
from domain.rules.load import pack_names, parse_pack, rule_pack
from domain.rules.model import Direction, Severity

PACK = """
name = "P"
version = 1
title_en = "p"
title_zh = "p"
[[limit]]
clause = "c"
clause_zh = "条"
quantity = "temperature"
direction = "high"
severity = "alarm"
threshold = 8
"""


def test_every_shipped_pack_loads() -> None:
    assert len(pack_names()) == 10
    for name in pack_names():
        assert rule_pack(name).limits


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("CN_COLD_2_8", "2", "8"),
        ("CN_COOL_20", "0", "20"),
        ("CN_AMBIENT_10_30", "10", "30"),
        ("CN_FROZEN_25_15", "-25", "-15"),
        ("CN_FROZEN_LE_10", "-40", "-10"),
        ("US_FRIDGE", "2", "8"),
        ("US_FREEZER", "-50", "-15"),
        ("US_ULT", "-90", "-60"),
    ],
)
def test_the_range_of_a_pack_is_the_regulations(name: str, low: str, high: str) -> None:
    alarms = {
        limit.direction: limit
        for limit in rule_pack(name).limits_of(Quantity.TEMPERATURE)
        if limit.severity is Severity.ALARM
    }
    assert alarms[Direction.LOW].threshold == low
    assert alarms[Direction.HIGH].threshold == high
    assert all(limit.threshold_in_range for limit in alarms.values())


def test_gsp_alarms_at_once_and_misses_data_after_75_s() -> None:
    pack = rule_pack("CN_COLD_2_8")
    assert {limit.delay_ms for limit in pack.limits} == {0}
    assert pack.gap_ms == 75_000


def test_gsp_pre_alarms_on_reaching_the_critical_value() -> None:
    pre = [x for x in rule_pack("CN_COLD_2_8").limits if x.severity is Severity.PREALARM]
    assert {(x.direction, x.threshold, x.threshold_in_range) for x in pre} == {
        (Direction.HIGH, "7.5", False),
        (Direction.LOW, "2.5", False),
    }


def test_who_waits_ten_hours_for_heat_and_one_for_frost() -> None:
    waits = {x.clause: x.delay_ms for x in rule_pack("WHO_VAX").limits}
    assert waits["WHO PQS E003 HEAT"] == 36_000_000
    assert waits["WHO PQS E003 FRZE"] == 3_600_000


def test_an_unknown_pack_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownPackError, match=r"unknown rule pack 'NOPE'.*CN_COLD_2_8"):
        rule_pack("NOPE")


def test_a_name_never_leaves_the_folder() -> None:
    with pytest.raises(UnknownPackError):
        rule_pack("../packs/CN_COLD_2_8")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("name", "nam"), "missing field 'name'"),
        (('"P"', '"Q"'), "holds a pack named 'Q'"),
        (('"temperature"', '"heat"'), "'heat' is not a valid Quantity"),
        (("= 8", '= "warm"'), "expected a decimal number, got 'warm'"),
        (("= 8", "= 8\ndelay = 3"), "unknown field 'delay' in a limit"),
        (("= 8", "= 8\ndelay_s = 1.5"), "expected a whole number"),
        (("= 8", "= 8\ndeadband = -1"), "a deadband is not negative"),
        (("= 8", "= 8\nreadings = 0"), "at least one reading"),
        (("= 8", "= "), "Invalid value"),
    ],
)
def test_a_malformed_pack_names_its_file_and_the_reason(
    change: tuple[str, str], reason: str
) -> None:
    with pytest.raises(BadDataFileError, match=reason) as caught:
        parse_pack("P.toml", PACK.replace(*change))
    assert caught.value.file == "P.toml"


def test_the_same_limit_twice_is_refused() -> None:
    twice = PACK + PACK[PACK.index("[[limit]]") :]
    with pytest.raises(BadDataFileError, match="two limits are the same"):
        parse_pack("P.toml", twice)
