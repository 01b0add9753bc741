"""The table of every route, and what each asks of whoever comes.

A route that is not here stops the server from starting (`cloud.access.guarded`). To add one:

1. Write a line below: the method, the path exactly as the router has it, and the `Action`
   that it takes. Name the things of the registry in the path or query by `in_path("site")`,
   `in_query("point")`: the gate answers 404 when one does not exist or lies outside the
   asker's scope, before the handler runs. JSON, streams and exports say `answers="data"`.
2. Hand the router to `guarded_app`. The handler finds `request.state.access`
   (`cloud.access.access.Access`): who asks, `scopes` to give to the registry's queries as
   `within=`, `see(action, kind, id)` for ids that come in a form, `actor()` for the audit.
3. A form of a page carries `<input type="hidden" name="csrf" value="{{ csrf }}">` as its
   FIRST field; a script sends the header `X-CSRF-Token` with what `GET /api/session` says.

Reaching a route says nothing about what it lists: a handler without a thing in its path must
confine itself to `access.scopes`. The generated tests walk this table.
"""

from collections.abc import Mapping
from typing import Final

from cloud.access.rule import About, Open, RouteRule, in_path, in_query
from device_registry.access.action import Action


def _get(path: str, needs: Action | Open, *about: About, per_minute: int = 0) -> RouteRule:
    return RouteRule(method="GET", path=path, needs=needs, about=about, per_minute=per_minute)


def _post(path: str, needs: Action | Open, *about: About, per_minute: int = 0) -> RouteRule:
    return RouteRule(method="POST", path=path, needs=needs, about=about, per_minute=per_minute)


def _data(path: str, needs: Action | Open, *about: About) -> RouteRule:
    return RouteRule(method="GET", path=path, needs=needs, about=about, answers="data")


_OWN_AUTHENTICATION: Final = (
    RouteRule(
        method="POST",
        path="/v1/gateways/{gateway}/batches",
        needs=Open.OWN,
        answers="data",
        note="each batch is signed by the gateway's key",
    ),
    RouteRule(method="GET", path="/.well-known/est/cacerts", needs=Open.PUBLIC, answers="data"),
    RouteRule(
        method="POST",
        path="/.well-known/est/simpleenroll",
        needs=Open.OWN,
        answers="data",
        note="a claim's id and secret",
    ),
    RouteRule(
        method="POST",
        path="/.well-known/est/simplereenroll",
        needs=Open.OWN,
        answers="data",
        note="a proof signed by the evidence key",
    ),
    RouteRule(method="GET", path="/v1/anchors", needs=Open.PUBLIC, answers="data"),
    RouteRule(
        method="POST",
        path="/v1/enrolments",
        needs=Open.OWN,
        answers="data",
        note="signed by the key that is enrolled, with the claim's secret",
    ),
    RouteRule(
        method="POST",
        path="/v1/rotations/{gateway}",
        needs=Open.OWN,
        answers="data",
        note="signed by the old and the new key",
    ),
)
"""Routes of gateways; they stand before the pages and know no sessions."""

OUTSIDE: Final = frozenset(rule.key for rule in _OWN_AUTHENTICATION)
"""Rules whose routes may be served outside the guarded application."""

_SERVER: Final = (
    RouteRule(method="GET", path="/healthz", needs=Open.PUBLIC, answers="data"),
    RouteRule(
        method="GET",
        path="/api/status",
        needs=Action.OPERATE,
        is_installation=True,
        answers="data",
    ),
    _get("/static/{name:path}", Open.PUBLIC),
    _data("/api/openapi.json", Open.PUBLIC),
)

_PAGES: Final = (
    _get("/", Action.VIEW_SITE),
    _get("/sites/{site}", Action.VIEW_SITE, in_path("site")),
    _post(
        "/sites/{site}/acknowledge",
        Action.ACKNOWLEDGE_ALARM,
        in_path("site"),
        per_minute=120,
    ),
    _get("/points/{point}", Action.VIEW_READINGS, in_path("point")),
    _get("/proof/{point}", Action.VIEW_READINGS, in_path("point")),
    _data("/api/points/{point}/series", Action.VIEW_READINGS, in_path("point")),
    _data("/live", Action.VIEW_SITE, in_query("site"), in_query("point")),
)

_ACCESS: Final = (
    _get("/login", Open.PUBLIC),
    _post("/login", Open.PUBLIC, per_minute=60),
    _get("/login/sms", Open.PUBLIC),
    _post("/login/sms", Open.PUBLIC, per_minute=20),
    _post("/login/sms/code", Open.PUBLIC, per_minute=60),
    _get("/login/oidc/{provider}/start", Open.PUBLIC, per_minute=60),
    _get("/login/oidc/{provider}/callback", Open.PUBLIC, per_minute=60),
    _get("/login/again", Open.SIGNED_IN),
    _post("/login/again", Open.SIGNED_IN, per_minute=20),
    _post("/logout", Open.SIGNED_IN),
    _get("/me", Open.SIGNED_IN),
    _post("/me/password", Open.SIGNED_IN, per_minute=10),
    _post("/me/language", Open.SIGNED_IN),
    _post("/me/totp", Open.SIGNED_IN, per_minute=10),
    _post("/me/pin", Open.SIGNED_IN, per_minute=10),
    _post("/me/phone", Open.SIGNED_IN, per_minute=10),
    RouteRule(method="GET", path="/api/session", needs=Open.SIGNED_IN, answers="data"),
    _get("/station", Open.PUBLIC),
    _post("/station/switch", Open.PUBLIC, per_minute=60),
    _post("/station", Action.EDIT_PEOPLE),
    _post("/station/end", Action.EDIT_PEOPLE),
    _get("/handover/{site}", Action.ACKNOWLEDGE_ALARM, in_path("site")),
    _post("/handover/{site}", Action.ACKNOWLEDGE_ALARM, in_path("site"), per_minute=20),
)

_FOLDERS: Final = ("organisation", "site", "place", "gateway", "sensor")
_FORMS: Final = (*_FOLDERS, "point", "licence")
_REGISTRY: Final = (
    _get("/registry", Action.VIEW_REGISTRY),
    _get("/registry/expiry", Action.VIEW_REGISTRY),
    _get("/registry/files/{file}", Action.VIEW_REGISTRY, in_path("file")),
    _get("/registry/certificates", Action.IMPORT),
    _post("/registry/certificates", Action.IMPORT, per_minute=10),
    _get("/registry/certificates/template", Action.IMPORT),
    *(
        _get(f"/registry/{kind}s/{{{kind}}}", Action.VIEW_REGISTRY, in_path(kind))
        for kind in _FOLDERS
    ),
    *(
        make(f"/registry/{kind}s/{{{kind}}}/edit", Action.EDIT_REGISTRY, in_path(kind))
        for kind in _FORMS
        for make in (_get, _post)
    ),
)

_CONFIGURING: Final = (
    _post(
        "/registry/gateways/{gateway}/configuration",
        Action.CONFIGURE,
        in_path("gateway"),
        per_minute=30,
    ),
)

_REVOKING: Final = (
    _get("/registry/keys/{key}/revocation", Action.VIEW_REGISTRY, in_path("key")),
    _post("/registry/keys/{key}/revocation", Action.REVOKE_REQUEST, in_path("key")),
    *(
        _post(
            f"/registry/revocations/{{revocation}}/{deed}",
            Action.REVOKE_APPROVE,
            in_path("revocation"),
        )
        for deed in ("approve", "decline")
    ),
)

_WORK: Final = (
    _data("/work/manifest.webmanifest", Open.PUBLIC),
    _data("/work/service-worker.js", Open.PUBLIC),
    _get("/work", Action.ENROL),
    _get("/work/sites/{site}", Action.ENROL, in_path("site")),
    _post("/work/sites/{site}/claims", Action.ENROL, in_path("site"), per_minute=30),
    _get("/work/claims/{claim}", Action.ENROL, in_path("claim")),
    _data("/work/claims/{claim}/state", Action.ENROL, in_path("claim")),
    _post("/work/claims/{claim}/card", Action.ENROL, in_path("claim")),
    _get("/work/gateways/{gateway}", Action.COMMISSION, in_path("gateway")),
    _get("/work/gateways/{gateway}/probes", Action.COMMISSION, in_path("gateway")),
    _post("/work/gateways/{gateway}/probes", Action.COMMISSION, in_path("gateway")),
    _data("/work/gateways/{gateway}/now", Action.COMMISSION, in_path("gateway")),
    *(
        RouteRule(
            method="POST",
            path=f"/work/gateways/{{gateway}}/{name}",
            needs=action,
            about=(in_path("gateway"),),
            answers="data",
        )
        for name, action in (
            ("steps", Action.COMMISSION),
            ("photos", Action.COMMISSION),
            ("report", Action.SIGN_REPORT),
        )
    ),
    _get("/work/sites/{site}/jobs", Action.COMMISSION, in_path("site")),
    _get("/work/sites/{site}/jobs/{job}", Action.COMMISSION, in_path("site")),
    _post("/work/sites/{site}/jobs/{job}", Action.SIGN_REPORT, in_path("site"), per_minute=30),
    _get("/work/sites/{site}/labels", Action.COMMISSION, in_path("site")),
    _get("/work/records/{change_record}/pdf", Action.VIEW_REGISTRY, in_path("change_record")),
    _get("/work/reports/{report}", Action.VIEW_REGISTRY, in_path("report")),
    _get("/work/reports/{report}/pdf", Action.VIEW_REGISTRY, in_path("report")),
)

_ACCOUNT: Final = "/people/{account}"
_PEOPLE: Final = (
    _get("/people", Action.VIEW_PEOPLE),
    _get("/people-new", Action.EDIT_PEOPLE),
    _post("/people", Action.EDIT_PEOPLE),
    _get(_ACCOUNT, Action.VIEW_PEOPLE, in_path("account")),
    *(
        _post(f"{_ACCOUNT}/{deed}", Action.EDIT_PEOPLE, in_path("account"))
        for deed in ("roles", "reset", "close", "badge")
    ),
    *(
        _post(
            f"{_ACCOUNT}/{many}/{{{kind}}}/end",
            Action.EDIT_PEOPLE,
            in_path("account"),
            in_path(kind),
        )
        for many, kind in (("roles", "grant"), ("tokens", "api_token"))
    ),
    _get("/audit", Action.VIEW_AUDIT),
)

RULES: Final[Mapping[str, RouteRule]] = {
    rule.key: rule
    for rule in (
        *_OWN_AUTHENTICATION,
        *_SERVER,
        *_PAGES,
        *_ACCESS,
        *_REGISTRY,
        *_CONFIGURING,
        *_REVOKING,
        *_WORK,
        *_PEOPLE,
    )
}
