"""The log-in pages over a small registry, as a browser meets them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import httpx
from fastapi import FastAPI

from cloud.access.door import Door
from cloud.access.gate import Gate
from cloud.access.guarded import guarded_app
from cloud.access.identities import AccountIdentities
from cloud.access.router import access_router
from cloud.access.ways import Ways
from cloud.pages.routes import pages_router
from device_registry.accounts.accounts import Accounts
from device_registry.store.store import RegistryStore
from tests.support.pages import two_pharmacies
from tests.support.people import NOW_MS, PASSWORD

BASE = "http://127.0.0.1"
CSRF = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass
class Sms:
    """A gateway for short messages that keeps them."""

    sent: list[tuple[str, str]] = field(default_factory=list)

    def send_code(self, phone: str, code: str) -> None:
        self.sent.append((phone, code))

    def send_text(self, phone: str, text: str) -> None:
        self.sent.append((phone, text))


class AccessSite:
    """An installation's log-in pages; its clock stands still until it is moved."""

    def __init__(self, store: RegistryStore) -> None:
        self.now_ms = NOW_MS
        self.accounts = Accounts.over(store)
        self.sms = Sms()
        self.pages = two_pharmacies(lambda: self.now_ms)
        self.ways = Ways(
            accounts=self.accounts,
            now_ms=lambda: self.now_ms,
            door=Door(self.accounts.sessions),
            sms=self.sms,
        )

    def app(self, **changed: object) -> FastAPI:
        ways = replace(self.ways, **changed)  # type: ignore[arg-type]
        gate = Gate(
            AccountIdentities(self.accounts), self.accounts.store.get, lambda: self.now_ms
        )
        pages = pages_router(self.pages, lambda: self.now_ms)
        return guarded_app(gate, [access_router(ways), pages])

    def browser(self, **changed: object) -> "Browser":
        transport = httpx.ASGITransport(app=self.app(**changed))
        return Browser(httpx.AsyncClient(transport=transport, base_url=BASE))


@dataclass
class Browser:
    """Keeps cookies and fills in forms with the page's CSRF token."""

    client: httpx.AsyncClient

    async def get(self, address: str) -> httpx.Response:
        return await self.client.get(address)

    async def post(self, address: str, page: str = "", **form: str) -> httpx.Response:
        """Fill in a form that stands on `page`, whose token comes along."""
        data = dict(self._tokens((await self.get(page)).text) if page else ())
        headers = {"Origin": BASE, "Sec-Fetch-Site": "same-origin"}
        return await self.client.post(address, data={**data, **form}, headers=headers)

    async def log_in(self, login: str, password: str = PASSWORD, **form: str) -> httpx.Response:
        return await self.post("/login", login=login, password=password, **form)

    def _tokens(self, html: str) -> Iterator[tuple[str, str]]:
        if match := CSRF.search(html):
            yield "csrf", match[1]
