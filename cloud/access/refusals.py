"""What the gate answers instead of a handler: a page, a redirection, or JSON.

A thing that does not exist and one outside the scope get the same answer, byte for byte.
"""

from typing import Final, assert_never
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cloud.access.decide import ChangePassword, NotFound, ProveAgain, SignIn
from cloud.access.rule import SAFE_METHODS, RouteRule
from cloud.pages import answers
from cloud.pages.viewer import FALLBACK_ZONE, viewer_in
from dashboards.models import NoticePage
from domain.web_address import parts_of

LOGIN: Final = "/login"
AGAIN: Final = "/login/again"
OWN_PAGE: Final = "/me"
_STATUS: Final = {
    "not_found": 404,
    "bad_form": 403,
    "too_often": 429,
    "bad_request": 400,
    "unavailable": 503,
}
_ERRORS: Final = {
    "not_found": "not found",
    "bad_form": "the CSRF token is missing or not of this session",
    "too_often": "too many requests; wait a minute",
}


def refuse(
    decision: SignIn | ChangePassword | ProveAgain | NotFound,
    rule: RouteRule,
    request: Request,
    at_ms: int,
) -> Response:
    """Return the answer to who may not come in."""
    if isinstance(decision, NotFound):
        return notice("not_found", rule, request, at_ms)
    if rule.answers == "data":
        return answers.document(_unproven(decision), 401)
    match decision:
        case SignIn():
            return _to(LOGIN, request)
        case ChangePassword():
            return RedirectResponse(OWN_PAGE, 303, headers=dict(answers.NEVER_CACHED))
        case ProveAgain():
            return _to(AGAIN, request)
        case _:
            assert_never(decision)


def notice(message: str, rule: RouteRule, request: Request, at_ms: int) -> Response:
    """Return a refusal in words; `message` is one of the notices."""
    if rule.answers == "data":
        return answers.document({"error": _ERRORS[message]}, _STATUS[message])
    return notice_page(message, request, at_ms)


def notice_page(message: str, request: Request, at_ms: int) -> Response:
    """Return the page of a notice."""
    model = NoticePage(now_ms=at_ms, message=message)
    return answers.page(model, viewer_in(request), FALLBACK_ZONE, _STATUS[message])


def local_path(text: str) -> str:
    """Return `text` if it is a path on this server, else "/": nobody is sent elsewhere."""
    parts = parts_of(text)
    is_local = not parts.scheme and not parts.netloc and text.startswith("/")
    clean = text.isprintable() and "\\" not in text and not text.startswith("//")
    return text if is_local and clean else "/"


def _unproven(decision: SignIn | ChangePassword | ProveAgain) -> dict[str, str]:
    match decision:
        case SignIn():
            return {"error": "sign in, or send a token as Authorization: Bearer"}
        case ChangePassword():
            return {"error": "change the one-time password first", "page": OWN_PAGE}
        case ProveAgain():
            return {"error": "prove again who you are", "page": AGAIN}
        case _:
            assert_never(decision)


def _to(page: str, request: Request) -> Response:
    if request.method in SAFE_METHODS:
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    else:  # the form itself cannot be kept: back to the page that it stood on
        referer = parts_of(request.headers.get("referer", ""))
        wanted = referer.path if referer.netloc == request.url.netloc else "/"
    target = f"{page}?next={quote(local_path(wanted), safe='/')}"
    return RedirectResponse(target, 303, headers=dict(answers.NEVER_CACHED))
