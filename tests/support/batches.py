"""Bodies, signed batches and chains of them, as small or as real as a test needs.

Every value comes from its arguments: two calls with the same arguments give the same bytes.
"""
# ruff: noqa: ANN401 - fields of a body, of whatever type they are

import hashlib
import random
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from domain.channel import Channel
from domain.quantity import Quantity
from evidence.batch import (
    NO_PREV,
    Body,
    Columns,
    Event,
    EventKind,
    encode_body,
    expected_header,
)
from evidence.cose import sign1
from evidence.keys import SoftwareKey
from evidence.point_table import encode_table, table_hash

GATEWAY = "gw-test-01"
SITE = "site-001"
EPOCH = b"epoch--1"
START_MS = 1_700_000_000_000
PERIOD_MS = 60_000
KEY = SoftwareKey(-19, hashlib.sha256(b"a test gateway's evidence key").digest())


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedBatch:
    """A batch as it travels, with what it says and its hash."""

    data: bytes
    body: Body
    sha256: bytes


def channel_table(channels: int = 8) -> tuple[Channel, ...]:
    """Return a point table of temperature channels 1..n."""
    return tuple(
        Channel(
            number=number,
            device=f"fridge-{number}",
            serial=f"SN{number:04}",
            source="holding:0x0001",
            quantity=Quantity.TEMPERATURE,
            unit="Cel",
            exp=-2,
            profile="RS-WS-N01@1",
        )
        for number in range(1, channels + 1)
    )


def table_event(channels: Sequence[Channel]) -> Event:
    """Return the event that carries a point table."""
    return Event(t_off=0, kind=EventKind.POINT_TABLE, body={1: encode_table(channels)})


def one_frame(
    rows: Sequence[Sequence[int]], *, period_ms: int = 10_000, exp: int = -2, first: int = 1
) -> Columns:
    """Return columns of one frame sampled exactly on time; `rows[i][j]` is channel first+j."""
    width = len(rows[0])
    pairs = (zip(old, new, strict=True) for old, new in pairwise(rows))
    deltas = (after - before for pair in pairs for before, after in pair)
    return Columns(
        rows=array("H", [len(rows)]),
        width=array("H", [width]),
        t_off=array("i", [0]),
        period=array("I", [period_ms]),
        channel=array("I", range(first, first + width)),
        exp=array("b", [exp] * width),
        v0=array("q", rows[0]),
        dt=array("i", [0] * len(rows)),
        dv=array("i", deltas),
    )


def real_columns(readings: int, *, channels: int = 8, seed: int = 1) -> Columns:
    """Return `readings` of a site: one frame a channel, +-120 ms jitter, hundredths.

    The channels share the readings as evenly as they divide.
    """
    rng = random.Random(seed)
    rows = [readings // channels + (i < readings % channels) for i in range(channels)]
    period_ms = PERIOD_MS * channels // max(readings, 1)
    return Columns(
        rows=array("H", rows),
        width=array("H", [1] * channels),
        t_off=array("i", [period_ms * i // channels for i in range(channels)]),
        period=array("I", [period_ms] * channels),
        channel=array("I", range(1, channels + 1)),
        exp=array("b", [-2] * channels),
        v0=array("q", [rng.randrange(300, 700) for _ in range(channels)]),
        dt=array("i", [rng.randrange(-120, 121) for _ in range(readings)]),
        dv=array("i", [rng.randrange(-6, 7) for _ in range(readings - channels)]),
    )


def make_body(*, seq: int = 0, readings: int = 0, channels: int = 8, **fields: Any) -> Body:
    """Return a body; `fields` replace the defaults of any field of `Body`.

    Totals count as if every earlier batch of the epoch had as many readings.
    """
    at_ms = seq * PERIOD_MS
    columns = real_columns(readings, channels=channels, seed=seq) if readings else None
    columns = fields.get("columns", columns)
    body = Body(
        epoch=EPOCH,
        seq=seq,
        prev=NO_PREV if seq == 0 else bytes([seq % 256]) * 32,
        t0=START_MS + at_ms,
        mono_ms=5_000_000 + at_ms,
        boot=7,
        sync=1,
        err_ms=20,
        columns=columns,
        events=(),
        readings_total=(seq + 1) * (columns.count if columns is not None else 0),
        dropped_total=0,
        checkpoint=None,
        lowest_held=(fields.get("epoch", EPOCH), 0),
        config=table_hash(channel_table(channels)),
    )
    return replace(body, **fields)


def sign_body(
    body: Body, signer: SoftwareKey = KEY, *, gateway: str = GATEWAY, site: str = SITE
) -> SignedBatch:
    """Return `body`, signed."""
    data = sign1(expected_header(gateway, site, signer.public), encode_body(body), signer)
    return SignedBatch(data=data, body=body, sha256=hashlib.sha256(data).digest())


def make_batch(
    signer: SoftwareKey = KEY,
    *,
    gateway: str = GATEWAY,
    site: str = SITE,
    readings: int = 0,
    **fields: Any,
) -> SignedBatch:
    """Return one signed batch; `fields` as `make_body`."""
    return sign_body(make_body(readings=readings, **fields), signer, gateway=gateway, site=site)


def next_batch(before: SignedBatch, signer: SoftwareKey = KEY, **fields: Any) -> SignedBatch:
    """Return the batch that follows `before` in its epoch, one period later."""
    b = before.body
    columns = fields.pop("columns", None)
    readings = fields.pop("readings", 0)
    names: Mapping[str, str] = {k: fields.pop(k) for k in ("gateway", "site") if k in fields}
    if readings:
        columns = real_columns(readings, seed=b.seq + 1)
    body = replace(
        b,
        seq=b.seq + 1,
        prev=before.sha256,
        t0=b.t0 + PERIOD_MS,
        mono_ms=b.mono_ms + PERIOD_MS,
        columns=columns,
        events=(),
        parent=None,
        readings_total=b.readings_total + (columns.count if columns is not None else 0),
    )
    return sign_body(replace(body, **fields), signer, **names)


def chain_of(
    n: int,
    signer: SoftwareKey = KEY,
    *,
    readings: int = 0,
    gateway: str = GATEWAY,
    site: str = SITE,
    **first: Any,
) -> list[SignedBatch]:
    """Return `n` linked batches from seq 0; `first` are fields of the first body."""
    if "events" not in first:
        first["events"] = (table_event(channel_table()),)
    chain = [make_batch(signer, gateway=gateway, site=site, readings=readings, **first)]
    while len(chain) < n:
        after = next_batch(chain[-1], signer, readings=readings, gateway=gateway, site=site)
        chain.append(after)
    return chain[:n]


def next_epoch(
    before: SignedBatch, epoch: bytes, signer: SoftwareKey = KEY, **fields: Any
) -> SignedBatch:
    """Return seq 0 of a new epoch after `before`: a restart, one period later, same boot."""
    b = before.body
    names: Mapping[str, str] = {k: fields.pop(k) for k in ("gateway", "site") if k in fields}
    body = make_body(
        epoch=epoch,
        prev=before.sha256,
        parent=(b.epoch, b.seq),
        lowest_held=b.lowest_held,
        t0=b.t0 + PERIOD_MS,
        mono_ms=b.mono_ms + PERIOD_MS,
        boot=b.boot,
        config=b.config,
    )
    return sign_body(replace(body, **fields), signer, **names)
