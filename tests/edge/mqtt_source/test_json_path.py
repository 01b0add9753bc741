"""Paths into plain JSON: one place, or a refusal that says where it stops making sense."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import SourceConfigError
from edge.mqtt_source.json_path import MAX_PATH_CHARS, MISSING, parse_path

DOCUMENT = {"a": {"b": [{"c d": 1}, None]}, "x.y": 2, "it's": 3}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("$", DOCUMENT),
        ("$.a.b[0]['c d']", 1),
        ('$["x.y"]', 2),
        ('$["it\'s"]', 3),
        ("$.a.b[1]", None),
        ("$.a.b[2]", MISSING),
        ("$.a.b.c", MISSING),
        ("$[0]", MISSING),
        ("$.a[0]", MISSING),
    ],
)
def test_a_path_finds_one_place_or_nothing(text: str, found: object) -> None:
    assert parse_path(text).find(DOCUMENT) == found


@pytest.mark.parametrize(
    "text", ["", "a.b", "$a", "$.", "$[", "$[x]", "$[01]", "$['a]", "$..a", "$.a[*]", "$ .a"]
)
def test_what_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(SourceConfigError, match=r"\$"):
        parse_path(text)


def test_a_path_is_not_endless() -> None:
    with pytest.raises(SourceConfigError):
        parse_path("$" + ".a" * MAX_PATH_CHARS)


STEPS = st.lists(st.integers(0, 99999) | st.text(min_size=1).filter(lambda t: '"' not in t))


@given(STEPS)
def test_every_place_can_be_written(steps: list[int | str]) -> None:
    text = "$" + "".join(f"[{s}]" if isinstance(s, int) else f'["{s}"]' for s in steps)
    if len(text) <= MAX_PATH_CHARS and "\n" not in text:
        assert list(parse_path(text).steps) == steps


@given(st.text())
def test_any_text_is_a_path_or_refused(text: str) -> None:
    try:
        parse_path("$" + text).find(DOCUMENT)
    except SourceConfigError:
        return
