"""Every answer of the pages, with the headers that keep a page to itself.

The content security policy allows no inline script or style, nothing from elsewhere, and no
framing; data is never cached, static files always.
"""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import ExitStack
from typing import Final

from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from cloud.pages.statics import CACHE_FOR_EVER, StaticFile
from cloud.pages.viewer import LANG_COOKIE, Viewer
from dashboards.models import PageModel
from dashboards.render import render

SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; "
        "form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
NEVER_CACHED: Final = {"Cache-Control": "no-store"}
YEAR_S: Final = 31_536_000


def page(
    model: PageModel,
    viewer: Viewer,
    site_tz: str,
    status: int = 200,
    menu: Collection[str] = (),
) -> Response:
    """Return a rendered page."""
    html = render(model, viewer.lang, viewer.tz or site_tz, menu)
    return html_page(html, viewer, status)


def html_page(html: str, viewer: Viewer, status: int = 200) -> Response:
    """Return a page as it is; remembers the language when the viewer chose one."""
    headers = {**SECURITY_HEADERS, **NEVER_CACHED, "Vary": "Accept-Language, Cookie"}
    answer = HTMLResponse(html, status_code=status, headers=headers)
    if viewer.chose_lang:
        answer.set_cookie(LANG_COOKIE, viewer.lang.value, max_age=YEAR_S, samesite="lax")
    return answer


def document(content: object, status: int = 200) -> Response:
    """Return JSON."""
    return JSONResponse(content, status, headers={**SECURITY_HEADERS, **NEVER_CACHED})


class LiveAnswer(StreamingResponse):
    """Server-sent events, unbuffered by proxies; ends the subscription however it ends.

    The events alone could not: a client that is gone before the first one never starts them.
    """

    def __init__(self, events: AsyncIterator[bytes], subscription: ExitStack) -> None:
        headers = {
            **SECURITY_HEADERS,
            "Cache-Control": "no-cache",
            "X-Accel-Buffering": "no",
        }
        super().__init__(events, media_type="text/event-stream", headers=headers)
        self._subscription = subscription

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        with self._subscription:
            await super().__call__(scope, receive, send)


def static(file: StaticFile, *, compressed: bool) -> Response:
    """Return a static file."""
    headers = {**SECURITY_HEADERS, "Cache-Control": CACHE_FOR_EVER, "Vary": "Accept-Encoding"}
    if compressed:
        headers["Content-Encoding"] = "gzip"
    content = file.compressed if compressed else file.plain
    return Response(content, media_type=file.media_type, headers=headers)
