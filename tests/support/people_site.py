"""The pages of people and the audit trail over a small registry, as a browser meets them."""

from fastapi import FastAPI

from cloud.access.gate import Gate
from cloud.access.guarded import guarded_app
from cloud.access.identities import AccountIdentities
from cloud.access.router import access_router
from cloud.people_pages.router import people_router
from cloud.people_pages.trail import FindProof
from device_registry.accounts import totp
from tests.support.access_site import AccessSite, Browser
from tests.support.people import PASSWORD, SETUP, person


class PeopleSite(AccessSite):
    """An installation's log-in and people pages; without an archive unless one is given."""

    find_proof: FindProof = staticmethod(lambda _entry: None)

    def app(self, **_changed: object) -> FastAPI:
        gate = Gate(
            AccountIdentities(self.accounts), self.accounts.store.get, lambda: self.now_ms
        )
        pages = people_router(self.accounts, self.find_proof)
        return guarded_app(gate, [access_router(self.ways), pages])

    async def signed_in(
        self, id_: str, *roles: str, firm: str = "chs", scope: str | None = None
    ) -> Browser:
        """Return the browser of a new person, logged in with a second factor."""
        person(self.accounts, id_, *roles, firm=firm, scope=scope)
        secret = totp.new_secret()
        code = totp.code_at(secret, self.now_ms)
        self.accounts.people.confirm_totp(SETUP, id_, secret, code, self.now_ms)
        browser = self.browser()
        answer = await browser.log_in(id_, PASSWORD, code=code)
        assert answer.status_code == 303, answer.text
        return browser
