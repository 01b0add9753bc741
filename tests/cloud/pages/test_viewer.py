"""Language and zone come from the browser, and nothing malformed gets through."""

import pytest

from cloud.pages.viewer import viewer_of
from dashboards.models import Lang


@pytest.mark.parametrize(
    ("query", "cookies", "accepted", "expected"),
    [
        ({}, {}, "", Lang.ZH),
        ({}, {}, "en-GB,en;q=0.9", Lang.EN),
        ({}, {}, "fr-FR, zh-TW;q=0.8, en;q=0.7", Lang.ZH),
        ({}, {}, "fr", Lang.ZH),
        ({}, {"lang": "en"}, "zh-CN", Lang.EN),
        ({"lang": "zh-CN"}, {"lang": "en"}, "en", Lang.ZH),
        ({"lang": "../en"}, {"lang": "xx"}, "en", Lang.EN),
    ],
)
def test_what_was_chosen_wins_over_what_is_remembered_and_accepted(
    query: dict[str, str], cookies: dict[str, str], accepted: str, expected: Lang
) -> None:
    assert viewer_of(query, cookies, accepted).lang is expected


def test_only_a_choice_in_this_request_is_remembered() -> None:
    assert viewer_of({"lang": "en"}, {}, "").chose_lang
    assert not viewer_of({}, {"lang": "en"}, "").chose_lang
    assert not viewer_of({"lang": "nope"}, {}, "").chose_lang


@pytest.mark.parametrize(
    ("cookie", "expected"),
    [
        ("Asia/Shanghai", "Asia/Shanghai"),
        ("Asia%2FShanghai", "Asia/Shanghai"),
        ("UTC", "UTC"),
        ("", None),
        ("Mars/Olympus", None),
        ("../../etc/passwd", None),
        ("Asia", None),
        ("<script>", None),
        ("A" * 5000, None),
    ],
)
def test_a_zone_is_a_real_zone_or_not_said(cookie: str, expected: str | None) -> None:
    assert viewer_of({}, {"tz": cookie}, "").tz == expected
