"""The chains as they were at some record, so that a start need not read the whole archive.

Derived and disposable: one file under `state_dir`, written when a segment is full and at a
clean stop. It names the root of the tree at its record; a start that finds another root there,
or any damage, forgets the file and reads everything.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from evidence.chain_state import ChainState, EpochState, Link, Run
from evidence.disk import write_file

FILE_NAME = "chains.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The chains before record `index` of the log numbered `log`, whose root was `root`.

    `keys_of` has the keys of each gateway, `revoked` those revoked until then, each with the
    archive index of its revocation.
    """

    log: int
    index: int
    root: bytes
    last_recv_ms: int
    last_backup_ms: int | None
    chains: dict[bytes, ChainState]
    keys_of: dict[str, list[bytes]]
    revoked: dict[bytes, int]


_SHAPE = [
    [f.name for f in fields(Snapshot)],
    [f.name for f in fields(ChainState)],
    [f.name for f in fields(EpochState)],
    [f.name for f in fields(Run)],
    list(Link._fields),
]
"""What is written below; another version of the chains reads everything instead."""
_KNOWN_SHAPE = [
    ["log", "index", "root", "last_recv_ms", "last_backup_ms", "chains", "keys_of", "revoked"],
    ["epochs", "lowest_held", "root", "holed"],
    ["epoch", "runs", "known_hi", "floor", "parent", "children"],
    ["lo", "hi", "proof_lo", "first", "last"],
    [
        "prev",
        "sha256",
        "t0",
        "mono_ms",
        "boot",
        "sync",
        "readings_before",
        "readings_after",
        "dropped",
    ],
]


def write_snapshot(folder: Path, snapshot: Snapshot) -> None:
    """Write it, whole and durable."""
    document = {
        "shape": _SHAPE,
        "log": snapshot.log,
        "index": snapshot.index,
        "root": snapshot.root.hex(),
        "last_recv_ms": snapshot.last_recv_ms,
        "last_backup_ms": snapshot.last_backup_ms,
        "chains": {kid.hex(): _chain(chain) for kid, chain in snapshot.chains.items()},
        "keys_of": {g: [kid.hex() for kid in kids] for g, kids in snapshot.keys_of.items()},
        "revoked": {kid.hex(): index for kid, index in snapshot.revoked.items()},
    }
    body = json.dumps(document, separators=(",", ":")).encode()
    digest = hashlib.sha256(body).hexdigest().encode()
    write_file(folder / FILE_NAME, digest + b"\n" + body)


def read_snapshot(folder: Path) -> Snapshot | None:
    """Return what was written last; None when it is missing, damaged or of another version."""
    try:
        digest, _, body = (folder / FILE_NAME).read_bytes().partition(b"\n")
    except FileNotFoundError:
        return None
    if hashlib.sha256(body).hexdigest().encode() != digest:
        return None
    document = json.loads(body)
    if document["shape"] != _SHAPE or _SHAPE != _KNOWN_SHAPE:
        return None
    return Snapshot(
        log=document["log"],
        index=document["index"],
        root=bytes.fromhex(document["root"]),
        last_recv_ms=document["last_recv_ms"],
        last_backup_ms=document["last_backup_ms"],
        chains={bytes.fromhex(kid): _read_chain(c) for kid, c in document["chains"].items()},
        keys_of={
            gateway: [bytes.fromhex(kid) for kid in kids]
            for gateway, kids in document["keys_of"].items()
        },
        revoked={bytes.fromhex(kid): index for kid, index in document["revoked"].items()},
    )


def _chain(chain: ChainState) -> list[Any]:
    return [
        [_epoch(state) for state in chain.epochs.values()],
        _place(chain.lowest_held),
        chain.root.hex() if chain.root is not None else None,
        [epoch.hex() for epoch in sorted(chain.holed)],
    ]


def _epoch(state: EpochState) -> list[Any]:
    return [
        state.epoch.hex(),
        [[r.lo, r.hi, r.proof_lo, _link(r.first), _link(r.last)] for r in state.runs],
        state.known_hi,
        state.floor,
        _place(state.parent),
        {seq: [epoch.hex(), prev.hex()] for seq, (epoch, prev) in state.children.items()},
    ]


def _link(link: Link) -> list[Any]:
    return [link.prev.hex(), link.sha256.hex(), *link[2:]]


def _place(place: tuple[bytes, int] | None) -> list[Any] | None:
    return None if place is None else [place[0].hex(), place[1]]


def _read_chain(items: Sequence[Any]) -> ChainState:
    epochs, lowest_held, root, holed = items
    states = [_read_epoch(item) for item in epochs]
    return ChainState(
        epochs={state.epoch: state for state in states},
        lowest_held=_read_place(lowest_held),
        root=None if root is None else bytes.fromhex(root),
        holed={bytes.fromhex(epoch) for epoch in holed},
    )


def _read_epoch(items: Sequence[Any]) -> EpochState:
    epoch, runs, known_hi, floor, parent, children = items
    return EpochState(
        epoch=bytes.fromhex(epoch),
        runs=[Run(lo, hi, at, _read_link(a), _read_link(z)) for lo, hi, at, a, z in runs],
        known_hi=known_hi,
        floor=floor,
        parent=_read_place(parent),
        children=_read_children(children),
    )


def _read_children(children: Mapping[str, Sequence[str]]) -> dict[int, tuple[bytes, bytes]]:
    return {
        int(seq): (bytes.fromhex(epoch), bytes.fromhex(prev))
        for seq, (epoch, prev) in children.items()
    }


def _read_link(items: Sequence[Any]) -> Link:
    prev, sha256, *rest = items
    return Link(bytes.fromhex(prev), bytes.fromhex(sha256), *rest)


def _read_place(items: Sequence[Any] | None) -> tuple[bytes, int] | None:
    return None if items is None else (bytes.fromhex(items[0]), items[1])
