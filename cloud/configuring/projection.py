"""Follows what gateways say of their configurations, and moves the registry's rows with it.

A `Projection` of the archive: what a gateway said is signed and archived before the registry
hears of it. Doing it again changes nothing, so a crash between registry and cursor is harmless.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from cloud.errors import UnavailableError
from cloud.projections.feed import CommitGroup, CommittedRecord
from cloud.projections.state_file import StateFile
from device_registry.configuring.following import Word, acknowledge
from device_registry.errors import RegistryError
from device_registry.store.store import RegistryStore
from evidence.configuration import standing_of
from evidence.event import EventKind

LIVE_MS: Final = 600_000
"""What came so soon after it was sealed tells how the gateway is now, not how it was."""


class ConfigurationProjection:
    """See the module; `heard` is told of every gateway's newest word on its version."""

    name = "configuration"

    def __init__(
        self, file: Path, store: RegistryStore, heard: Callable[[str, int | None], None]
    ) -> None:
        self._heard = heard
        self._state = StateFile(file, "")
        self._store = store
        self._cursor = self._state.cursor

    @property
    def cursor(self) -> int:
        """Return the next archive index to apply."""
        return self._cursor

    def apply(self, group: CommitGroup) -> None:
        """Note what the batches of `group` say; see `Projection`."""
        words = [word for record in group.records for word in self._words(record)]
        if words:  # a cursor that is behind costs reading, nothing else
            self._note(words, group.records[-1].recv_ms)
            with self._state.transaction(group.next_index):
                pass
        self._cursor = group.next_index

    def tick(self, as_of_ms: int) -> None:
        """Do nothing: nothing here is due at a time."""

    def close(self) -> None:
        """Save the cursor, and let go of the file."""
        with self._state.transaction(self._cursor):
            pass
        self._state.close()

    def _words(self, record: CommittedRecord) -> Iterator[Word]:
        body, gateway = record.body, record.gateway
        if body is None or gateway is None:
            return
        is_live = abs(record.recv_ms - body.t0) <= LIVE_MS
        for event in body.events:
            if event.kind != EventKind.STATE:
                continue
            standing = standing_of(event.body)
            if is_live:
                self._heard(gateway, standing.version if standing is not None else None)
            if standing is not None:
                yield Word(gateway=gateway, standing=standing, is_live=is_live)

    def _note(self, words: Sequence[Word], at_ms: int) -> None:
        try:
            acknowledge(self._store, words, at_ms)
        except RegistryError as error:
            raise UnavailableError(f"the registry: {error}") from error
