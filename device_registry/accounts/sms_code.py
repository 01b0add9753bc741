"""Codes by SMS: 6 digits, good for 5 min and 5 tries, 1 a minute and 10 a day per phone. Pure.

The messages cost money and annoy whoever owns the number, so that sending is what is limited;
the limits count for every number that is asked for, registered or not.
"""

import hmac
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, Protocol

VALID_MS: Final = 5 * 60_000
MAX_TRIES: Final = 5
PAUSE_MS: Final = 60_000
MAX_A_DAY: Final = 10
DAY_MS: Final = 86_400_000
NUMBER_VALID_MS: Final = 90 * DAY_MS
"""How long a number counts as its person's: numbers change hands."""


class SmsGateway(Protocol):
    """Sends short messages."""

    def send_code(self, phone: str, code: str) -> None:
        """Send `code` to `phone`, or raise OSError; returns when the message is accepted."""
        ...

    def send_text(self, phone: str, text: str) -> None:
        """Send a sentence; as `send_code`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What is known of a phone number's codes."""

    code_hash: str = ""
    """Hash of the code that counts; "" when none does."""
    tries: int = 0
    sent_ms: tuple[int, ...] = ()
    """When codes were sent within the last day, oldest first."""


def wait_ms(sent: Sent, at_ms: int) -> int:
    """Return how long to wait until another code may be sent; 0 for now."""
    today = _today(sent, at_ms)
    if len(today) >= MAX_A_DAY:
        return today[0] + DAY_MS - at_ms
    return max(today[-1] + PAUSE_MS - at_ms, 0) if today else 0


def after_sending(sent: Sent, phone: str, code: str, at_ms: int) -> Sent:
    """Return what is known after sending `code`; the one before counts no more."""
    return Sent(code_hash=_hash(phone, code), sent_ms=(*_today(sent, at_ms), at_ms))


def after_try(sent: Sent, phone: str, code: str, at_ms: int) -> tuple[bool, Sent]:
    """Return whether `code` is the one, and what is known after this try."""
    is_open = bool(sent.code_hash) and sent.tries < MAX_TRIES
    if not is_open or at_ms >= sent.sent_ms[-1] + VALID_MS:
        return False, replace(sent, code_hash="")
    if hmac.compare_digest(sent.code_hash, _hash(phone, code)):
        return True, replace(sent, code_hash="", tries=0)
    return False, replace(sent, tries=sent.tries + 1)


def _today(sent: Sent, at_ms: int) -> tuple[int, ...]:
    return tuple(t for t in sent.sent_ms if at_ms - t < DAY_MS)


def _hash(phone: str, code: str) -> str:
    return sha256(f"coldwarden sms\0{phone}\0{code.strip()}".encode()).hexdigest()
