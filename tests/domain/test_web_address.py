"""Addresses taken apart: whatever is written, nothing is raised and nothing wrong passes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.web_address import is_proxy, parts_of


def test_the_parts_of_an_address_are_found() -> None:
    parts = parts_of("https://cloud.example:8443/a?b=c")
    assert (parts.scheme, parts.hostname, parts.port) == ("https", "cloud.example", 8443)


@pytest.mark.parametrize(
    "text", ["http://[", "//[", "https://[::1", "http://a:port", "http://a:99999"]
)
def test_what_is_no_address_has_no_parts(text: str) -> None:
    assert not any(parts_of(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://proxy:3128", True),
        ("http://[::1]:3128", True),
        ("https://proxy:3128", False),
        ("http://", False),
        ("proxy:3128", False),
        ("", False),
    ],
)
def test_a_proxy_is_asked_without_tls(text: str, expected: bool) -> None:  # noqa: FBT001
    assert is_proxy(text) is expected


@given(st.text() | st.text(alphabet="htp:/[]@.#?0").map(lambda text: f"http://{text}"))
def test_any_text_is_answered(text: str) -> None:
    assert isinstance(is_proxy(text), bool)
    assert parts_of(text).port in {None, *range(65_536)}
