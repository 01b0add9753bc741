"""What makes the technician's pages an app on the phone: manifest and service worker."""

import hashlib
import json
from typing import Final

from fastapi.responses import Response

from cloud.pages.answers import SECURITY_HEADERS
from dashboards.assets import asset_url, static_dir
from dashboards.catalogue import catalogue
from dashboards.models import Lang

ASSETS: Final = (
    "coldwarden.css",
    "favicon.svg",
    "page.js",
    "work/work.css",
    "work/queue.js",
    "work/claim.js",
    "work/signature.js",
    "work/checklist.js",
)
"""What the pages need to open without signal."""
SCOPE: Final = "/work"
_FRESH: Final = {"Cache-Control": "no-cache"}


def manifest(lang: Lang) -> Response:
    """Return the manifest, by which the pages can be put on the home screen."""
    texts = catalogue(lang)
    content = {
        "name": texts.text("work.app_name"),
        "short_name": texts.text("work.short_name"),
        "lang": lang.value,
        "start_url": SCOPE,
        "scope": SCOPE,
        "display": "standalone",
        "background_color": "#f4f6f5",
        "theme_color": "#0b6e75",
        "icons": [
            {"src": asset_url("favicon.svg"), "sizes": "any", "type": "image/svg+xml"},
        ],
    }
    body = json.dumps(content, ensure_ascii=False)
    headers = {**SECURITY_HEADERS, **_FRESH}
    return Response(body, media_type="application/manifest+json", headers=headers)


def service_worker() -> Response:
    """Return the service worker, which knows the present addresses of the static files."""
    assets = [asset_url(name) for name in ASSETS]
    version = hashlib.sha256("".join(assets).encode()).hexdigest()[:12]
    script = (static_dir() / "work" / "service-worker.js").read_text(encoding="utf-8")
    head = f"const VERSION = {json.dumps(version)};\nconst ASSETS = {json.dumps(assets)};\n"
    headers = {**SECURITY_HEADERS, **_FRESH, "Service-Worker-Allowed": SCOPE}
    return Response(head + script, media_type="text/javascript; charset=utf-8", headers=headers)
