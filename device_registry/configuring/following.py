"""Follows what gateways say of their configurations, row by row.

Every word is signed and archived before it comes here. Saying it again changes nothing. A live
gateway that runs by an older version than it once applied (a new card, a copy put back) is
offered the newest again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from device_registry.configuring.publishing import KIND, configuration_id, newest_of
from device_registry.store.audit import Actor
from device_registry.store.change import Change
from device_registry.store.row import Row
from device_registry.store.store import RegistryStore
from evidence.configuration import Stage, Standing

BY_GATEWAYS: Final = Actor(account="gateway", role="gateway", via="system")
WHY: Final = "gateways answered"
OPEN: Final = frozenset({"draft", "offered"})
MAX_VERSIONS: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What one gateway says; `is_live` tells that it says how it is now."""

    gateway: str
    standing: Standing
    is_live: bool


def acknowledge(store: RegistryStore, words: Sequence[Word], at_ms: int) -> int:
    """Note what gateways say, in one change; return how many rows it moved.

    Raises:
        StoreUnavailableError: the database cannot be reached or written.
    """
    news = [word for word in words if _is_news(store, word)]
    if not news:
        return 0
    with store.change(BY_GATEWAYS, WHY, at_ms) as change:
        return sum(_note(change, word) for word in news)


def _is_news(store: RegistryStore, word: Word) -> bool:
    """Return whether a word may move a row: most of them only say it again."""
    row = _named(store, word)
    if row is None or word.standing.stage is Stage.TRIAL:
        return False
    state = row.text("state")
    return state in OPEN or (state == "superseded" and word.is_live)


def _note(change: Change, word: Word) -> int:
    row = _named(change, word)
    if row is None:
        return 0
    state, standing = row.text("state"), word.standing
    if state in OPEN and standing.stage is Stage.APPLIED:
        for older in _versions(change, word.gateway):
            if older.text("state") == "applied":
                change.put(KIND, older.id, state="superseded")
        change.put(KIND, row.id, state="applied", reason=None)
    elif state in OPEN:
        change.put(KIND, row.id, state="rolled_back", reason=standing.reason)
    elif state == "superseded" and standing.stage is Stage.APPLIED:
        newest = newest_of(_versions(change, word.gateway))
        if newest is None or newest.text("state") != "applied":
            return 0
        change.put(KIND, newest.id, state="offered", reason=None)
    else:
        return 0
    return 1


def _named(held: RegistryStore | Change, word: Word) -> Row | None:
    """Return the row of the very document that a word is about."""
    row = held.get(KIND, configuration_id(word.gateway, word.standing.version))
    same = row is not None and row.text("sha256") == word.standing.sha256.hex()
    return row if same else None


def _versions(change: Change, gateway: str) -> Iterator[Row]:
    yield from change.find(KIND, where={"gateway": gateway}, limit=MAX_VERSIONS)
