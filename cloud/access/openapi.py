"""The OpenAPI document of the routes that programs speak to, out of the route table.

Pure. Pages and forms are for people and stand nowhere in it; neither does an endless stream,
nor a script. What only the route knows, its query, comes from the route itself; what reads a
body by hand names it in `BODIES`, which a test holds complete.
"""

from collections.abc import Iterable, Mapping
from copy import copy
from typing import Any, Final

from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from cloud.access.rule import Open, RouteRule
from cloud.access.rules import OUTSIDE, RULES
from evidence.enrolment import anchors, answer, request, rotation

PATH: Final = "/api/openapi.json"
NOT_DESCRIBED: Final = frozenset({"GET /live", "GET /work/service-worker.js"})
"""A stream without an end, and a script."""

_Schema = Mapping[str, object]
_TEXT: Final[_Schema] = {"type": "string"}
_BYTES: Final[_Schema] = {"type": "string", "format": "binary"}
_ID: Final[_Schema] = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
_AT_MS: Final[_Schema] = {"type": "integer", "minimum": 1, "maximum": (1 << 53) - 1}
_NUMBER: Final[_Schema] = {"type": "number", "minimum": -1000, "maximum": 1000}


def _step(kind: str, **content: _Schema) -> _Schema:
    kinds = {"type": "string", "enum": [kind]}
    properties = {"id": _ID, "kind": kinds, "at_ms": _AT_MS, **content}
    return {"type": "object", "properties": properties, "required": list(properties)}


_SIGNED: Final[Mapping[str, _Schema]] = {
    "id": _ID,
    "at_ms": _AT_MS,
    "customer": _TEXT,
    "signature": {"type": "string", "description": "a picture, as a data: address"},
}
_STEPS: Final[_Schema] = {
    "oneOf": [
        _step("tick", name=_TEXT, ticked={"type": "boolean"}),
        _step("reference", point=_TEXT, reference=_NUMBER, value=_NUMBER),
        _step("warmed", point=_TEXT, before=_NUMBER, after=_NUMBER),
        _step("height", point=_TEXT, height_m=_NUMBER),
    ]
}
BODIES: Final[Mapping[str, tuple[str, _Schema]]] = {
    "POST /v1/gateways/{gateway}/batches": ("application/octet-stream", _BYTES),
    "POST /.well-known/est/simpleenroll": ("application/pkcs10", _TEXT),
    "POST /.well-known/est/simplereenroll": ("application/pkcs10", _TEXT),
    f"POST {request.PATH}": (request.MEDIA_TYPE, _BYTES),
    "POST /v1/rotations/{gateway}": (rotation.MEDIA_TYPE, _BYTES),
    "POST /work/gateways/{gateway}/steps": ("application/json", _STEPS),
    "POST /work/gateways/{gateway}/photos": ("image/jpeg", _BYTES),
    "POST /work/gateways/{gateway}/report": (
        "application/json",
        {"type": "object", "properties": _SIGNED, "required": list(_SIGNED)},
    ),
}
_ANSWERS: Final[Mapping[str, str]] = {
    "GET /.well-known/est/cacerts": "application/pkcs7-mime",
    "POST /.well-known/est/simpleenroll": "application/pkcs7-mime",
    "POST /.well-known/est/simplereenroll": "application/pkcs7-mime",
    f"GET {anchors.PATH}": anchors.MEDIA_TYPE,
    f"POST {request.PATH}": answer.MEDIA_TYPE,
    "POST /v1/rotations/{gateway}": rotation.ANSWER_MEDIA_TYPE,
    "POST /v1/gateways/{gateway}/batches": "application/octet-stream",
}
_SCHEMES: Final[Mapping[str, _Schema]] = {
    "token": {"type": "http", "scheme": "bearer"},
    "session": {"type": "apiKey", "in": "cookie", "name": "cw_session"},
    "claim": {"type": "http", "scheme": "basic", "description": "a claim's id and secret"},
}
_REFUSED: Final[Mapping[str, _Schema]] = {
    "4XX": {"description": "refused; the body says what was expected"},
}


def described() -> Mapping[str, RouteRule]:
    """Return the rules of every route that the document has."""
    return {
        key: rule
        for key, rule in RULES.items()
        if rule.answers == "data" and key not in NOT_DESCRIBED
    }


def openapi_document(routes: Iterable[APIRoute], version: str) -> dict[str, Any]:
    """Return the document: of these routes, and of those that stand before all pages."""
    wanted = described()
    known = {
        f"{method} {route.path}": route for route in routes for method in route.methods or ()
    }
    served = [copy(known[key]) for key in wanted if key in known]
    for route in served:
        route.include_in_schema = True
    document = get_openapi(
        title="Coldwarden", version=version, openapi_version="3.1.0", routes=served
    )
    paths = document.setdefault("paths", {})
    for key, rule in wanted.items():
        if key in known or key in OUTSIDE:
            operation = paths.setdefault(rule.path, {}).setdefault(
                rule.method.lower(), _outside(rule)
            )
            operation |= _said_by(rule)
    document.setdefault("components", {})["securitySchemes"] = _SCHEMES
    return document


def _outside(rule: RouteRule) -> dict[str, Any]:
    names = [part[1:-1] for part in rule.path.split("/") if part.startswith("{")]
    return {
        "operationId": rule.key.lower().replace(" ", "_").replace("/", "_"),
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": _TEXT} for name in names
        ],
    }


def _said_by(rule: RouteRule) -> dict[str, Any]:
    """Return what the table and this module know of an operation."""
    media_type = _ANSWERS.get(rule.key, "application/json")
    ok = {"description": "done", "content": {media_type: {}}}
    said: dict[str, Any] = {
        "summary": _summary(rule),
        "security": _security(rule),
        "responses": {"200": ok, **_REFUSED},
    }
    if rule.key in BODIES:
        kind, schema = BODIES[rule.key]
        said["requestBody"] = {"required": True, "content": {kind: {"schema": schema}}}
    return said


def _summary(rule: RouteRule) -> str:
    if isinstance(rule.needs, Open):
        return rule.note or rule.key
    where = "of the whole installation" if rule.is_installation else "of what it names"
    return f"{rule.key}: takes {rule.needs.value} {where}"


def _security(rule: RouteRule) -> list[dict[str, list[str]]]:
    match rule.needs:
        case Open.PUBLIC:
            return []
        case Open.SIGNED_IN:
            return [{"session": []}]
        case Open.OWN:
            return [{"claim": []}, {}] if "simple" in rule.path else []
        case _:
            return [{"token": []}, {"session": []}]
