"""The tables of log-ins, beside the registry's own in the same database.

They are no part of the registry's history: a session is over when it is over. What an account
is and may is a row of the registry like any other.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, MetaData, Table, Text

from device_registry.store.tables import TEXT

METADATA: Final = MetaData()
_NUMBER: Final = BigInteger()


def _text(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, TEXT, primary_key=key, nullable=False)


def _number(name: str) -> Column[int]:
    return Column(name, _NUMBER, nullable=False)


SESSIONS: Final = Table(
    "login_session",
    METADATA,
    _text("id", key=True),  # SHA-256 of what the cookie holds
    _text("account"),
    _text("method"),
    _number("is_strong"),
    _number("made_ms"),
    _number("seen_ms"),
    _number("proven_ms"),
    _text("csrf"),
    _text("device"),
    _text("station"),
)
Index("login_session_by_account", SESSIONS.c.account)
ATTEMPTS: Final = Table(
    "login_attempt",
    METADATA,
    _text("login", key=True),
    _number("failures"),
    _number("last_ms"),
    _number("totp_step"),
)
SENDINGS: Final = Table(
    "sms_sending",
    METADATA,
    _text("phone", key=True),
    _text("code_hash"),
    _number("tries"),
    Column("sent_ms", Text, nullable=False),  # numbers, separated by spaces
)
STATIONS: Final = Table(
    "station",
    METADATA,
    _text("id", key=True),  # SHA-256 of what the cookie holds
    _text("site"),
    _text("label"),
    _text("made_by"),
    _number("made_ms"),
    Column("ended_ms", _NUMBER),
)
