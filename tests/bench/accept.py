"""`accept_vs_verify`: the accept path on one core over raw Ed25519 verification of its bytes.

Everything a batch meets: size check, strict parse, profile, key binding, verification, field
check, chain, archive append with group commit (a real fdatasync), leaf, checkpoint, receipt.
Single-threaded, CPU time of the process; batches of 300 readings, 8 channels, +-120 ms jitter.
Segments and garbage collection are the server's own. A turn is some groups and one checkpoint:
a server at this pace would archive twenty groups before its checkpoint is due.
"""

import gc
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from nacl.bindings import crypto_sign_open

from cloud.config import SEGMENT_MIB
from cloud.ingest.accept import check
from cloud.ingest.delivery import Checked, Delivery
from cloud.server import GC_THRESHOLDS
from evidence.cose import parse1, to_be_signed
from tests.bench.row import Row, paired_ns
from tests.support.batches import real_columns
from tests.support.routes import RecordingRoute
from tests.support.sequencing import Cloud
from tests.support.signing import SigningGateway

READINGS = 300
GATEWAYS = 16
PER_GROUP = 32  # batches of each gateway
GROUPS = 4  # to a checkpoint
ROUNDS = 9


def measure() -> list[Row]:
    """Return the figure."""
    gateways = [SigningGateway(f"gw-bench-{n:02}", n + 1) for n in range(GATEWAYS)]
    with tempfile.TemporaryDirectory() as folder, _collecting_as_the_server():
        cloud = Cloud(Path(folder), gateways, segment_bytes=SEGMENT_MIB << 20)
        rounds = [[_signed(gateways) for _ in range(GROUPS)] for _ in range(ROUNDS + 1)]
        signed = [_for_nacl(gateways, chain.from_iterable(groups)) for groups in rounds]
        receipts = [0]
        _accept(cloud, rounds[0], receipts)
        ours, floor = iter(rounds[1:]), iter(signed[1:])
        gc.collect()
        gc.freeze()
        receipts[0] = 0
        a, b, ratio = paired_ns(
            lambda: _accept(cloud, next(ours), receipts),
            lambda: _verify(next(floor)),
            ROUNDS,
            cpu=True,
        )
        gc.unfreeze()
        cloud.stream.close()
    group = GATEWAYS * PER_GROUP
    count = group * GROUPS
    note = f"{receipts[0] / count / ROUNDS:.3f} receipts per batch, groups of {group}"
    return [
        Row(name="accept_vs_verify", value=a / count / 1e3, unit="us/batch",
            floor=b / count / 1e3, ratio=ratio, bar="<= 1.8, then 1.6", note=note)
    ]  # fmt: skip


@contextmanager
def _collecting_as_the_server() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _signed(gateways: list[SigningGateway]) -> list[tuple[str, bytes]]:
    batches = []
    for n in range(PER_GROUP):
        for gateway in gateways:
            body = gateway.body()
            body.columns = real_columns(READINGS, seed=n)
            body.readings_total = gateway.total + READINGS
            body.checkpoint = None
            batches.append((gateway.id, gateway.sign(body)))
    return batches


def _accept(cloud: Cloud, groups: list[list[tuple[str, bytes]]], receipts: list[int]) -> None:
    routes = {g.id: RecordingRoute(g.id) for g in cloud.gateways}
    for batches in groups:
        checked = []
        for gateway, data in batches:
            route = routes[gateway]
            result = check(Delivery(data, "https", route, route.committed), cloud.keyring)
            assert isinstance(result, Checked)
            checked.append(result)
        cloud.sequencer.put(checked)
        cloud.sequencer.step()
    cloud.hands.pass_s(1)
    cloud.sequencer.step()
    cloud.groups.clear()
    settled = sum(r.settled for r in routes.values())
    count = sum(map(len, groups))
    assert settled >= count, f"{settled} of {count} batches have an outcome"
    receipts[0] += sum(len(r.messages) for r in routes.values())


def _for_nacl(
    gateways: list[SigningGateway], batches: Iterable[tuple[str, bytes]]
) -> list[tuple[bytes, bytes]]:
    keys = {g.id: g.key.public.raw for g in gateways}
    items = []
    for gateway, data in batches:
        envelope = parse1(data)
        message = to_be_signed(envelope.protected, envelope.payload)
        items.append((envelope.signature + message, keys[gateway]))
    return items


def _verify(items: list[tuple[bytes, bytes]]) -> None:
    for signed, key in items:
        crypto_sign_open(signed, key)
