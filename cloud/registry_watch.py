"""Notices what others changed in the registry, and lets the server know it within a second.

A page, another process or another server may have changed it. One thread; a database that is
away delays what is noticed, nothing else.
"""

import logging
import threading
from collections.abc import Callable
from typing import Final

from device_registry.errors import RegistryError
from device_registry.serving.stored import StoredRegistry

EVERY_S: Final = 0.5
PIN_EVERY: Final = 20
"""How many rounds lie between two writings of `trust/` at least: it names every gateway."""

_log = logging.getLogger(__name__)


class RegistryWatch:
    """See the module."""

    def __init__(self, registry: StoredRegistry, pin: Callable[[], None]) -> None:
        self._registry = registry
        self._pin = pin
        self._stopping = False
        self._poked = threading.Event()
        self._wants_pin = False
        self._rounds = 0
        self._is_away = False
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

    def look(self, *, last: bool = False) -> None:
        """Do one round."""
        try:
            self._registry.refresh()
        except RegistryError as error:
            if not self._is_away:
                _log.warning("the registry cannot be asked: %s", error)
            self._is_away = True
            return
        self._is_away = False
        self._rounds += 1
        if self._wants_pin and (last or self._rounds >= PIN_EVERY):
            self._wants_pin, self._rounds = False, 0
            self._pin()

    def _run(self) -> None:
        while not self._stopping:
            self._poked.wait(EVERY_S)
            self._poked.clear()
            self.look()

    def _changed(self, gateways: frozenset[str] | None) -> None:
        self._wants_pin = self._wants_pin or gateways is None or bool(gateways)
