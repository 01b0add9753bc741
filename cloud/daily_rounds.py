"""What the registry asks for by the calendar: warnings, work orders, competent authorities.

One thread, an hour between two rounds. Every round may be repeated or missed: what was told is
in the registry, and a grant ends by its own date whether or not anybody closes the order.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Final

from device_registry.accounts.sms_code import SmsGateway
from device_registry.errors import RegistryError
from device_registry.expiry.tour import Tour, make_tour
from device_registry.jobs.work_orders import close_overdue
from device_registry.store.audit import Actor
from device_registry.store.store import RegistryStore

EVERY_S: Final = 3600.0
FIRST_S: Final = 60.0
"""A server that has just started takes in what gateways have kept for it first."""
CALENDAR: Final = Actor(account="calendar", via="system")

GIVE_UP_AFTER: Final = 3
"""Messages refused in a row: then nobody takes them, and the rounds have other work."""
Messages = Callable[[Tour, int], Iterable[tuple[str, str]]]

_log = logging.getLogger(__name__)


class DailyRounds:
    """See the module."""

    def __init__(self, store: RegistryStore, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._now_ms = now_ms
        self._sms: SmsGateway | None = None
        self._messages: Messages = lambda _tour, _at_ms: ()
        self._toured: date | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rounds", daemon=True)

    def send_by(self, sms: SmsGateway, messages: Messages) -> None:
        """Tell people what a tour found, too; `messages` yields phone numbers and texts."""
        self._sms, self._messages = sms, messages

    def start(self) -> None:
        """Begin; the first round is a minute away."""
        self._thread.start()

    def stop(self) -> None:
        """End after the round that is under way."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """Do one round: work orders every time, the rest once a day (UTC)."""
        now_ms = self._now_ms()
        today = datetime.fromtimestamp(now_ms / 1000, tz=UTC).date()
        try:
            close_overdue(self._store, CALENDAR, now_ms)
            if self._toured != today:
                self._store.refresh_authorities(now_ms)
                tour = make_tour(self._store, CALENDAR, today, now_ms)
                for term in tour.homeless:
                    _log.warning("%s runs out, and its organisation has no site", term.key)
                self._toured = today
                self._send(self._messages(tour, now_ms))
        except RegistryError as error:
            _log.warning("the registry's round is put off: %s", error)

    def _send(self, messages: Iterable[tuple[str, str]]) -> None:
        refused = 0
        for number, text in messages:
            if self._sms is None or refused == GIVE_UP_AFTER or self._stopping.is_set():
                return
            try:
                self._sms.send_text(number, text)
                refused = 0
            except OSError as error:
                refused += 1
                _log.warning("nobody could be told of what runs out: %s", error)

    def _run(self) -> None:
        wait_s = FIRST_S
        while not self._stopping.wait(wait_s):
            self.look()
            wait_s = EVERY_S
