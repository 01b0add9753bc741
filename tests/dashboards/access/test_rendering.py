"""`dashboards.access`: every page in both languages, in words only, escaped."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from dashboards.access.models import (
    AccessPage,
    AgainPage,
    HandoverPage,
    HeldRole,
    LoginPage,
    MePage,
    Provider,
    SmsPage,
    StationPage,
)
from dashboards.access.rendering import render_access
from dashboards.catalogue import catalogue
from dashboards.models import Lang, Name

NOW_MS = 1_795_363_200_000
SHOP = Name(zh="解放路店", en="Jiefang Road")
CITY = Provider(id="city", kind="oidc", title="市平台")
LOGIN = LoginPage(now_ms=NOW_MS, next="/", csrf="", providers=(CITY,), has_sms=True)
SMS = SmsPage(now_ms=NOW_MS, next="/", csrf="t", phone="+8613800000000")
AGAIN = AgainPage(now_ms=NOW_MS, next="/", csrf="t", person="李华", providers=(CITY,))
ME = MePage(
    now_ms=NOW_MS,
    csrf="t",
    login="li",
    person="李华",
    organisation=SHOP,
    roles=(HeldRole(title=Name(zh="店长", en="Manager"), over=SHOP, until_ms=NOW_MS),),
    must_change=True,
    has_totp=False,
    needs_totp=True,
    secret="ABCDEF",
    qr="data:image/svg+xml,x",
    has_pin=True,
    has_badge=False,
    phone="+8613800000000",
    phone_verified_ms=NOW_MS,
    has_sms=True,
)
STATION = StationPage(
    now_ms=NOW_MS, csrf="t", label="柜台", site_name=SHOP, person="李华", can_register=True
)
HANDOVER = HandoverPage(
    now_ms=NOW_MS, csrf="t", site="chs-001", site_name=SHOP, person="李华", alarms=()
)
PAGES: list[AccessPage] = [
    LOGIN,
    replace(LOGIN, problem="locked", until_ms=NOW_MS),
    SMS,
    replace(SMS, phone="", problem="sms_wait"),
    AGAIN,
    ME,
    replace(ME, must_change=False, roles=(), is_code_sent=True, done="pin"),
    replace(ME, must_change=False, has_totp=True, problem="pin_weak"),
    STATION,
    replace(STATION, label="", site_name=None, person="", can_register=False),
    HANDOVER,
    replace(HANDOVER, record="handover-1", successor="王芳"),
]
NAMES = {"Coldwarden", "English", "li", "ABCDEF", "chs-001", "handover-1", "UTC"}
"""Latin letters that belong on a Chinese page: names, ids, codes."""


class Words(HTMLParser):
    """Collects what a person reads."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._silent = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "style"}:
            self._silent = tag
        shown = {"alt", "title", "aria-label", "placeholder"}
        self.texts += [value for name, value in attrs if name in shown and value]

    def handle_endtag(self, tag: str) -> None:
        if tag == self._silent:
            self._silent = ""

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.texts.append(data)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: type(page).__name__)
def test_a_chinese_page_has_no_word_of_english_and_no_raw_state(page: AccessPage) -> None:
    read = " ".join(Words(render_access(page, Lang.ZH, "UTC")).texts)
    assert set(re.findall(r"[A-Za-z][\w-]*", read)) <= NAMES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: type(page).__name__)
def test_every_form_brings_its_token_along_first(page: AccessPage) -> None:
    html = render_access(page, Lang.EN, "UTC")
    for form in re.findall(r'<form[^>]*method="post"[^>]*>(.*?)</form>', html, re.DOTALL):
        first = re.search(r"<(?:input|button|textarea|select)[^>]*>", form)
        assert first is not None
        is_open = isinstance(page, LoginPage)
        assert is_open or first[0] == '<input type="hidden" name="csrf" value="t">', form


def test_what_people_write_is_never_markup() -> None:
    evil = '"><script>alert(1)</script>'
    for page in (
        replace(LOGIN, login=evil, next=evil),
        replace(STATION, label=evil, person=evil, site=evil),
        replace(ME, person=evil, phone=evil),
        replace(HANDOVER, successor=evil, record="r", site=evil),
    ):
        html = render_access(page, Lang.EN, "UTC")
        assert "<script>alert" not in html


def test_every_problem_that_can_be_told_has_words() -> None:
    told = catalogue(Lang.ZH).under("access")
    for code in (
        *("refused", "code_needed", "locked", "sms_refused", "sms_wait", "sms_failed"),
        *("provider", "provider_unknown", "differ", "password_length", "password_weak"),
        *("pin_shape", "pin_weak", "badge_shape", "badge_taken", "phone_shape"),
        *("code_wrong", "station", "handover", "same_person"),
    ):
        assert told[f"problem_{code}"]
