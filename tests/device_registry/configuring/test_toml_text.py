"""What is written is read back by TOML's own reader."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from device_registry.configuring.toml_text import table_text

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
values = st.one_of(
    texts,
    st.integers(-(1 << 62), 1 << 62),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.lists(texts, max_size=3),
)


@given(st.dictionaries(texts.filter(bool), values, max_size=5))
def test_any_table_comes_back_as_it_was(table: dict[str, object]) -> None:
    assert tomllib.loads(table_text("[t]", table)) == {"t": table}


def test_what_is_not_known_is_left_out() -> None:
    assert table_text("[[a]]", {"b": None, "c": 1}) == "[[a]]\nc = 1\n"
