"""Follows what gateways say of their configurations, row by row.

Every word is signed and archived before it comes here. Saying it again changes nothing. A live
gateway that runs by an older version than it once applied (a new card, a copy put back) is
offered the newest again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from device_registry.configuring.publishing import (
    AT_ONCE,
    KIND,
    MAX_ROWS,
    configuration_id,
    newest_of,
)
from device_registry.store.audit import Actor
from device_registry.store.change import Change
from device_registry.store.row import Row
from device_registry.store.store import RegistryStore
from evidence.configuration import Stage, Standing

BY_GATEWAYS: Final = Actor(account="gateway", role="gateway", via="system")
WHY: Final = "gateways answered"
OPEN: Final = frozenset({"draft", "offered"})
Move = Mapping[str, object]
"""The id of a row, and what becomes of it."""


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
    final = [word for word in words if word.standing.stage is not Stage.TRIAL]
    rows = _by_id(store.find, final)
    news = [word for word in final if _is_news(rows.get(_id(word)), word)]
    if not news:
        return 0
    with store.change(BY_GATEWAYS, WHY, at_ms) as change:
        versions = _versions(change, news)
        moves: dict[str, Move] = {}
        for word in news:
            for move in _moves(versions[word.gateway], moves, word):
                moves[str(move["id"])] = move
        change.put_many(KIND, moves.values())
    return len(moves)


def _is_news(row: Row | None, word: Word) -> bool:
    """Return whether a word may move a row: most of them only say it again."""
    if row is None or not _is_about(row, word):
        return False
    state = row.text("state")
    return state in OPEN or (state == "superseded" and word.is_live)


def _is_about(row: Row, word: Word) -> bool:
    """Return whether a word is about the very document of a row."""
    return row.text("sha256") == word.standing.sha256.hex()


def _moves(versions: Sequence[Row], made: Mapping[str, Move], word: Word) -> Iterator[Move]:
    """Yield what a word changes of a gateway's rows, given the moves already made."""
    states = {
        row.id: str(made.get(row.id, {}).get("state") or row.text("state")) for row in versions
    }
    row = next((row for row in versions if row.id == _id(word)), None)
    if row is None or not _is_about(row, word):
        return
    state, standing = states[row.id], word.standing
    if state in OPEN and standing.stage is Stage.APPLIED:
        applied = [identity for identity, at in states.items() if at == "applied"]
        yield from ({"id": identity, "state": "superseded"} for identity in applied)
        yield {"id": row.id, "state": "applied", "reason": None}
    elif state in OPEN:
        yield {"id": row.id, "state": "rolled_back", "reason": standing.reason}
    elif state == "superseded" and standing.stage is Stage.APPLIED:
        newest = newest_of(versions)
        if newest is not None and states[newest.id] == "applied":
            yield {"id": newest.id, "state": "offered", "reason": None}


def _id(word: Word) -> str:
    return configuration_id(word.gateway, word.standing.version)


def _by_id(find: Callable[..., list[Row]], words: Sequence[Word]) -> dict[str, Row]:
    ids = sorted({_id(word) for word in words})
    found: dict[str, Row] = {}
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        found.update((row.id, row) for row in find(KIND, where={"id": some}, limit=len(some)))
    return found


def _versions(change: Change, words: Sequence[Word]) -> Mapping[str, list[Row]]:
    gateways = sorted({word.gateway for word in words})
    found: dict[str, list[Row]] = {gateway: [] for gateway in gateways}
    for start in range(0, len(gateways), AT_ONCE):
        some = gateways[start : start + AT_ONCE]
        for row in change.find(KIND, where={"gateway": some}, limit=MAX_ROWS):
            found[row.text("gateway")].append(row)
    return found
