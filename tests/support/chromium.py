"""Chromium as a viewer has it; every page that it opens is watched for errors."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from playwright.sync_api import Browser, Page, Route, sync_playwright

EXECUTABLE: Final = "/usr/bin/chromium"
ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
DEADLINE_MS: Final = 15_000


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """What a person's browser says about them."""

    locale: str = "zh-CN"
    timezone: str = "Asia/Shanghai"
    width: int = 1280
    height: int = 800
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with every request: a token, where nobody signs in."""


@dataclass
class Visit:
    """An open page, and everything that went wrong on it."""

    page: Page
    complaints: list[str] = field(default_factory=list)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Give a headless browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=[*ARGUMENTS])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visit(browser: Browser, base: str, viewer: Viewer | None = None) -> Iterator[Page]:
    """Give a fresh page; afterwards fail if it complained or asked any other server."""
    who = viewer or Viewer()
    context = browser.new_context(
        base_url=base,
        locale=who.locale,
        timezone_id=who.timezone,
        viewport={"width": who.width, "height": who.height},
        extra_http_headers=dict(who.headers),
    )
    context.set_default_timeout(DEADLINE_MS)
    shown = Visit(context.new_page())

    def only_ours(route: Route) -> None:
        if not route.request.url.startswith(base):
            shown.complaints.append(f"asked elsewhere: {route.request.url}")
            route.abort()
        else:
            route.continue_()

    context.route("**/*", only_ours)
    shown.page.on("pageerror", lambda error: shown.complaints.append(f"error: {error}"))
    shown.page.on(
        "console",
        lambda message: (
            shown.complaints.append(f"{message.type}: {message.text}")
            if message.type in {"error", "warning"}
            else None
        ),
    )
    try:
        yield shown.page
        assert not shown.complaints, shown.complaints
    finally:
        context.close()
