"""What scripts ask about the server itself: alive at all, and in numbers."""

from collections.abc import Callable, Mapping

from fastapi import APIRouter
from fastapi.responses import Response

from cloud.pages import answers


def server_router(status: Callable[[], Mapping[str, object]]) -> APIRouter:
    """Return the routes; `status` is asked in a worker thread."""
    router = APIRouter(include_in_schema=False)

    def healthz() -> Response:
        return answers.document({"ok": True})

    def numbers() -> Response:
        return answers.document(status())

    router.add_api_route("/healthz", healthz)
    router.add_api_route("/api/status", numbers)
    return router
