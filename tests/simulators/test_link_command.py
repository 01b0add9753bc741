"""Orders to a link: understood or refused by name, and the same storm for the same seed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.errors import UsageError
from simulators.link import Link
from simulators.link_command import VERBS, Command, obey, parse, parse_schedule, storm
from simulators.link_state import Direction, Mode


def test_an_order_is_read_with_all_its_parts() -> None:
    order = parse('{"do": "slow", "direction": "down", "seconds": 0.5, "at_s": 3}')
    assert order == Command(do="slow", direction=Direction.DOWN, seconds=0.5, at_s=3.0)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "one JSON object"),
        ('{"do": "explode"}', "explode"),
        ('{"do": "cut", "second": 4}', "second"),
        ('{"do": "cut", "seconds": -1}', "-1"),
        ('{"do": "cut", "seconds": NaN}', "nan"),
        ('{"do": "lose", "direction": "sideways"}', "sideways"),
        ('{"do": "lose", "count": true}', "True"),
    ],
)
def test_a_wrong_order_is_refused_by_what_is_wrong(text: str, named: str) -> None:
    with pytest.raises(UsageError, match=named):
        parse(text)


@given(st.text() | st.recursive(st.none() | st.floats(), st.lists).map(json.dumps))
def test_any_text_is_an_order_or_refused(text: str) -> None:
    for read in (parse, parse_schedule):
        try:
            read(text)
        except UsageError:
            continue


def test_a_schedule_is_sorted_by_time() -> None:
    text = '[{"do": "restore", "at_s": 9}, {"do": "cut", "at_s": 2}]'
    assert [order.do for order in parse_schedule(text)] == ["cut", "restore"]


@given(st.integers())
def test_a_storm_repeats_and_its_parts_do_not_overlap(seed: int) -> None:
    orders = storm(seed, 600.0)
    assert orders == storm(seed, 600.0)
    ends = [order.at_s + (order.seconds or 0.0) for order in orders]
    assert all(end < order.at_s for end, order in zip(ends, orders[1:], strict=False))


@pytest.mark.parametrize("verb", VERBS)
async def test_every_verb_reaches_the_link(verb: str) -> None:
    link = Link(("127.0.0.1", 9), "modbus")
    await link.start()
    modes = {"cut": Mode.CUT, "stall": Mode.STALLED, "hold": Mode.HELD}
    await obey(link, parse(json.dumps({"do": verb})))
    assert link.mode is modes.get(verb, Mode.UP)
    await link.close()


@pytest.mark.parametrize("verb", ["repeat", "swap"])
async def test_a_stream_cannot_be_repeated_or_swapped(verb: str) -> None:
    with pytest.raises(UsageError, match="modbus, mqtt"):
        await obey(Link(("127.0.0.1", 9), "http"), parse(json.dumps({"do": verb})))
