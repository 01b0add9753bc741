"""`cloud.access.refusals`: nobody is sent to another server."""

import pytest

from cloud.access.refusals import local_path


@pytest.mark.parametrize("path", ["/", "/sites/a?range=300", "/login/again?next=/x"])
def test_a_path_of_ours_is_kept(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "//[",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/x\r\nSet-Cookie: a=b",
        "evil",
        "",
    ],
)
def test_anything_else_leads_to_the_first_page(path: str) -> None:
    assert local_path(path) == "/"
