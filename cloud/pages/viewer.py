"""Who is looking: language and time zone, from what the browser sends."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.requests import Request

from dashboards.models import Lang

DEFAULT_LANG: Final = Lang.ZH
FALLBACK_ZONE: Final = "Asia/Shanghai"
"""Until the viewer's browser has said where it is."""
LANG_COOKIE: Final = "lang"
ZONE_COOKIE: Final = "tz"
_ZONE: Final = re.compile(r"[A-Za-z0-9+_-]{1,32}(/[A-Za-z0-9+_-]{1,32}){0,2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """In which language and zone to write; `chose_lang` when this very request says so."""

    lang: Lang
    tz: str | None
    """None when the browser has not said yet: the site's own zone is shown."""
    chose_lang: bool


def viewer_in(request: Request) -> Viewer:
    """Return who is looking at the answer to a request."""
    accepted = request.headers.get("accept-language", "")
    return viewer_of(request.query_params, request.cookies, accepted)


def viewer_of(
    query: Mapping[str, str], cookies: Mapping[str, str], accept_language: str
) -> Viewer:
    """Return the viewer; anything malformed counts as not said."""
    chosen = _lang(query.get("lang", ""))
    lang = chosen or _lang(cookies.get(LANG_COOKIE, "")) or _accepted(accept_language)
    return Viewer(
        lang=lang or DEFAULT_LANG,
        tz=_zone(unquote(cookies.get(ZONE_COOKIE, ""))),
        chose_lang=chosen is not None,
    )


def _lang(text: str) -> Lang | None:
    return next((lang for lang in Lang if lang.value == text), None)


def _accepted(header: str) -> Lang | None:
    """Return the first language of an Accept-Language header that we have."""
    for part in header.split(",")[:10]:
        primary = part.split(";")[0].strip().split("-")[0].lower()
        for lang in Lang:
            if lang.value.split("-")[0] == primary:
                return lang
    return None


def _zone(text: str) -> str | None:
    if not _ZONE.fullmatch(text):
        return None
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
    return text
