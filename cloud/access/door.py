"""Lets people in and out: begins and ends sessions, and gives the browser its cookies."""

from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cloud.access.gate import COOKIE
from cloud.access.refusals import OWN_PAGE, local_path
from cloud.pages.answers import NEVER_CACHED, SECURITY_HEADERS
from device_registry.accounts.outcome import Accepted
from device_registry.accounts.session import ABSOLUTE_MS, Session
from device_registry.accounts.session_store import SessionStore, new_csrf

STATION_COOKIE: Final = "cw_station"
YEAR_S: Final = 31_536_000
MAX_DEVICE_CHARS: Final = 64
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class Door:
    """See the module; called from worker threads."""

    def __init__(self, sessions: SessionStore) -> None:
        self._sessions = sessions

    def admit(
        self, request: Request, accepted: Accepted, target: str, at_ms: int, station: str = ""
    ) -> Response:
        """Begin a session and send its browser to `target`; the one before it ends.

        A new session always gets a new cookie, so that none can be planted beforehand.
        """
        if before := request.cookies.get(COOKIE):
            self._sessions.end(before)
        session = Session(
            account=accepted.account,
            method=accepted.method,
            is_strong=accepted.is_strong,
            made_ms=at_ms,
            seen_ms=at_ms,
            proven_ms=at_ms,
            csrf=new_csrf(),
            device=request.headers.get("user-agent", "")[:MAX_DEVICE_CHARS],
            station=station,
        )
        cookie = self._sessions.begin(session)
        answer = see_other(OWN_PAGE if accepted.must_change else target)
        set_cookie(answer, request, COOKIE, cookie, ABSOLUTE_MS // 1000)
        return answer

    def prove(self, request: Request, accepted: Accepted, target: str, at_ms: int) -> Response:
        """Note that the person proved again who it is, and go on to `target`."""
        cookie = request.cookies.get(COOKIE, "")
        self._sessions.prove(cookie, at_ms, is_strong=accepted.is_strong)
        return see_other(target)

    def leave(self, request: Request) -> Response:
        """End the session of this browser."""
        self._sessions.end(request.cookies.get(COOKIE, ""))
        answer = see_other("/login")
        answer.delete_cookie(COOKIE)
        return answer


def set_cookie(
    answer: Response, request: Request, name: str, value: str, max_age_s: int
) -> None:
    """Give the browser a cookie that no script reads and no other site sends along."""
    answer.set_cookie(
        name,
        value,
        max_age=max_age_s,
        httponly=True,
        samesite="lax",
        secure=request.url.hostname not in LOOPBACK,
    )


def see_other(target: str) -> Response:
    """Return a redirection to a path on this server."""
    headers = {**SECURITY_HEADERS, **NEVER_CACHED}
    return RedirectResponse(local_path(target), 303, headers=headers)
