"""Where attempts are counted: wrong passwords, used one-time codes, codes by SMS.

An attempt counts as failed before it is looked at and is forgiven when it was right, so that
many at once get no more tries than one after another.
"""

from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine, Row, Table, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from device_registry.accounts.lockout import (
    FORGET_MS,
    Failures,
    after_failure,
    locked_until_ms,
)
from device_registry.accounts.sms_code import DAY_MS, Sent
from device_registry.accounts.tables import ATTEMPTS, SENDINGS
from device_registry.store.engine import reading, writing

T = TypeVar("T")
NO_STEP: Final = -1
MAX_LOGIN_CHARS: Final = 64


class AttemptStore:
    """See the module; may be called from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, login: str, at_ms: int) -> int:
        """Count an attempt; return until when the login is locked, 0 when it may be tried."""
        login = login[:MAX_LOGIN_CHARS]
        with writing(self._engine) as connection:
            row = _locked_row(connection, login)
            failures = Failures(count=row.failures, last_ms=row.last_ms)
            until_ms = locked_until_ms(failures)
            if at_ms < until_ms:
                return until_ms
            after = after_failure(failures, at_ms)
            values = {"failures": after.count, "last_ms": after.last_ms}
            mine = ATTEMPTS.c.login == login
            connection.execute(update(ATTEMPTS).where(mine).values(**values))
            old = ATTEMPTS.c.last_ms < at_ms - FORGET_MS
            unused = ATTEMPTS.c.totp_step == NO_STEP
            connection.execute(delete(ATTEMPTS).where(old, unused))
        return 0

    def succeed(self, login: str) -> None:
        """Forget the failures of a login: its password was right."""
        where = ATTEMPTS.c.login == login[:MAX_LOGIN_CHARS]
        with writing(self._engine) as connection:
            connection.execute(update(ATTEMPTS).where(where).values(failures=0))

    def last_step(self, account: str) -> int:
        """Return the step of the last one-time code that was used."""
        query = select(ATTEMPTS.c.totp_step).where(ATTEMPTS.c.login == account)
        with reading(self._engine) as connection:
            step = connection.execute(query).scalar()
        return NO_STEP if step is None else int(step)

    def use_step(self, account: str, step: int) -> bool:
        """Use up a step; False when it or a later one was used already."""
        with writing(self._engine) as connection:
            _locked_row(connection, account)
            where = (ATTEMPTS.c.login == account) & (ATTEMPTS.c.totp_step < step)
            done = connection.execute(update(ATTEMPTS).where(where).values(totp_step=step))
            return done.rowcount == 1

    def with_sms(self, phone: str, at_ms: int, change: Callable[[Sent], tuple[T, Sent]]) -> T:
        """Return what `change` says of a phone's codes, and keep what it makes of them."""
        with writing(self._engine) as connection:
            # Times are texts of one length, the oldest first; a day later none of them counts.
            old = SENDINGS.c.sent_ms < str(at_ms - 2 * DAY_MS)
            connection.execute(delete(SENDINGS).where(old))
            _ensure(connection, SENDINGS, phone=phone, code_hash="", tries=0, sent_ms="")
            where = SENDINGS.c.phone == phone
            query = select(SENDINGS).where(where).with_for_update()
            row = connection.execute(query).one()
            times = tuple(int(t) for t in row.sent_ms.split())
            said, sent = change(Sent(code_hash=row.code_hash, tries=row.tries, sent_ms=times))
            values = {
                "code_hash": sent.code_hash,
                "tries": sent.tries,
                "sent_ms": " ".join(map(str, sent.sent_ms)),
            }
            connection.execute(update(SENDINGS).where(where).values(**values))
        return said


def _locked_row(connection: Connection, login: str) -> Row[tuple[object, ...]]:
    _ensure(connection, ATTEMPTS, login=login, failures=0, last_ms=0, totp_step=NO_STEP)
    query = select(ATTEMPTS).where(ATTEMPTS.c.login == login).with_for_update()
    return connection.execute(query).one()


def _ensure(connection: Connection, table: Table, **values: object) -> None:
    # Two programs may see a login for the first time at once; the row is then the other's.
    if connection.dialect.name == "postgresql":
        first = postgresql.insert(table).values(**values).on_conflict_do_nothing()
        connection.execute(first)
    else:
        connection.execute(sqlite.insert(table).values(**values).on_conflict_do_nothing())
