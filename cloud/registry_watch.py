"""Notices what others changed in the registry, and lets the server know it within a second.

A page, another process or another server may have changed it. One thread, so that the
sequencer need not ask the database how many gateways there are or whom to pin: a database that
is away, or a disk that is full, delays what is noticed and what auditors pin, nothing else.
"""

import logging
import threading
from collections.abc import Callable
from typing import Final

from device_registry.errors import RegistryError
from device_registry.serving.stored import StoredRegistry
from evidence.errors import EvidenceError

EVERY_S: Final = 0.5
PIN_EVERY: Final = 20
"""How many rounds lie between two writings of `trust/` at least: it names every gateway."""

_log = logging.getLogger(__name__)


class RegistryWatch:
    """See the module. `gateway_count` is what the registry had when it was last looked at."""

    def __init__(self, registry: StoredRegistry, pin: Callable[[], None]) -> None:
        self.gateway_count = registry.gateway_count
        self._registry = registry
        self._pin = pin
        self._stopping = False
        self._poked = threading.Event()
        self._wants_pin = self._wants_pin_now = False
        self._rounds = 0
        self._trouble = ""
        self._thread = threading.Thread(target=self._run, name="registry", daemon=True)
        registry.listeners.append(self._changed)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End, with what auditors pin up to date."""
        self._stopping = True
        self._poked.set()
        if self._thread.is_alive():
            self._thread.join()
            self.look(last=True)

    def poke(self) -> None:
        """Look at once: somebody has just changed it."""
        self._poked.set()

    def pin_soon(self) -> None:
        """Write `trust/` at once: a new log has a name that auditors must know."""
        self._wants_pin = self._wants_pin_now = True
        self._poked.set()

    def look(self, *, last: bool = False) -> None:
        """Do one round; what fails is done in a later one."""
        try:
            self._registry.refresh()
            self._rounds += 1
            if self._wants_pin and (last or self._wants_pin_now or self._rounds >= PIN_EVERY):
                self._write_pins()
        except (RegistryError, EvidenceError, OSError) as error:
            self._complain(str(error))
        else:
            self._trouble = ""

    def _write_pins(self) -> None:
        # Before the work: what is asked for meanwhile is another time's.
        self._wants_pin = self._wants_pin_now = False
        self._rounds = 0
        try:
            self._pin()
        except BaseException:
            self._wants_pin = True
            raise

    def _run(self) -> None:
        while not self._stopping:
            self._poked.wait(EVERY_S)
            self._poked.clear()
            self.look()

    def _changed(self, gateways: frozenset[str]) -> None:
        if gateways:
            self.gateway_count = self._registry.gateway_count
            self._wants_pin = True

    def _complain(self, trouble: str) -> None:
        if trouble != self._trouble:
            _log.warning("changes of the registry are taken over later: %s", trouble)
        self._trouble = trouble
