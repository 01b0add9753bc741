"""Who is told of what runs out, by short message: those who answer for it in its own firm.

The tour's tasks stand on the pages whether or not a message arrives. The authority that watches
over a firm is not told; of a phone number its own person is, who alone can prove it again.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from device_registry.access.scope import Subject
from device_registry.accounts.accounts import Accounts
from device_registry.accounts.sms_code import NUMBER_VALID_MS
from device_registry.expiry.ladder import Warn
from device_registry.expiry.term import TermKind
from device_registry.expiry.tour import Tour, told
from device_registry.store.row import Row
from domain.gsp.phrases import Phrases

ANSWERING: Final = ("quality_head", "quality_officer", "shop_manager")
"""The posts that GSP charges with papers and equipment: 质量负责人, 质量管理员, 店长."""
MAX_GRANTS: Final = 500
NAMED_CHARS: Final = 60
HOME_PREFIX: Final = "+86"
"""Numbers from here are written to in Chinese."""


def messages(accounts: Accounts, tour: Tour, at_ms: int) -> Iterator[tuple[str, str]]:
    """Yield (phone number, text): to each person one message, about all it answers for."""
    mine: dict[str, list[Warn]] = {}
    numbers: dict[str, str] = {}
    for warn in tour.warned:
        for account in _answering(accounts, warn, tour.sites[warn.term.key], at_ms):
            mine.setdefault(account.id, []).append(warn)
            numbers[account.id] = account.text("phone")
    for account_id, warns in mine.items():
        yield numbers[account_id], _text(warns, numbers[account_id])


def _answering(accounts: Accounts, warn: Warn, site: str, at_ms: int) -> Iterator[Row]:
    if warn.term.kind is TermKind.PHONE:
        names = {warn.term.about}
    else:
        row = accounts.store.get("site", site)
        subject = None if row is None else row.subject
        names = set() if subject is None else _posts_over(accounts, subject, at_ms)
    for name in sorted(names):
        account = accounts.rights.account(name)
        if account is not None and _is_reachable(account, at_ms):
            yield account


def _posts_over(accounts: Accounts, subject: Subject, at_ms: int) -> set[str]:
    """Return the accounts that hold an answering post over `subject` in its own firm."""
    where: Mapping[str, object] = {
        "organisation": subject.org_path.split("/"),
        "role": list(ANSWERING),
    }
    held = accounts.store.find("grant", where=where, limit=MAX_GRANTS)
    return {
        name
        for name in {row.text("account") for row in held}
        if any(
            grant.role in ANSWERING and grant.holds_at(at_ms) and grant.scope.covers(subject)
            for grant in accounts.rights.grants(name)
        )
    }


def _is_reachable(account: Row, at_ms: int) -> bool:
    verified_ms = account.maybe("phone_verified_ms")
    is_fresh = isinstance(verified_ms, int) and at_ms - verified_ms <= NUMBER_VALID_MS
    return is_fresh and bool(account.text("phone"))


def _text(warns: Sequence[Warn], number: str) -> str:
    lang = "zh-CN" if number.startswith(HOME_PREFIX) else "en"
    said = told(warns[0], lang)
    first = said if len(said) <= NAMED_CHARS else f"{said[: NAMED_CHARS - 1]}…"
    key = "chase.one" if len(warns) == 1 else "chase.several"
    return Phrases("device_registry.expiry").say(key, lang, first=first, n=str(len(warns)))
