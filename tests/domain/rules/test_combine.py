"""Several rule packs on one point: every limit once, each with its own clause."""

from dataclasses import replace

import pytest

from domain.rules.combine import combined
from domain.rules.load import pack_names, rule_pack

COLD, WHO = rule_pack("CN_COLD_2_8"), rule_pack("WHO_VAX")


def test_one_pack_is_itself() -> None:
    assert combined([COLD]) is COLD


def test_every_limit_of_every_pack_is_there_with_its_own_clause() -> None:
    both = combined([COLD, WHO])
    assert {(x.pack, x.clause) for x in both.limits} == {
        (x.pack, x.clause) for pack in (COLD, WHO) for x in pack.limits
    }
    assert both.gap_ms == min(COLD.gap_ms, WHO.gap_ms)
    assert (both.name, both.title_zh) == (
        "CN_COLD_2_8+WHO_VAX",
        f"{COLD.title_zh} + {WHO.title_zh}",
    )


@pytest.mark.parametrize("first", pack_names())
def test_no_two_limits_have_one_key(first: str) -> None:
    for second in pack_names():
        keys = [x.key for x in combined([rule_pack(first), rule_pack(second)]).limits]
        assert len(set(keys)) == len(keys), (first, second)


def test_what_two_packs_ask_alike_is_asked_once() -> None:
    other = replace(
        COLD, name="SAME", limits=tuple(replace(x, pack="SAME") for x in COLD.limits)
    )
    assert combined([COLD, other]).limits == COLD.limits


def test_like_limits_that_differ_in_a_detail_are_kept_apart() -> None:
    stricter = tuple(replace(x, pack="OTHER", deadband="0.7") for x in COLD.limits)
    both = combined([COLD, replace(COLD, name="OTHER", limits=stricter)])
    assert len(both.limits) == 2 * len(COLD.limits)
    assert {x.key for x in both.limits} >= {x.key for x in COLD.limits}


def test_the_strictest_refresh_counts() -> None:
    slow = replace(WHO, name="SLOW", refresh_s=1800)
    assert combined([slow, COLD]).gap_ms == combined([COLD, slow]).gap_ms == COLD.gap_ms
