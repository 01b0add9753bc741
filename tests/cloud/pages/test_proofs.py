"""Every step of a proof is really checked: the step that breaks says so."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from cloud.pages.proofs import Pinned, ProofEvidence, proof_view
from dashboards.models import ProofView
from evidence.checkpoint import Checkpoint, sign
from evidence.keys import SoftwareKey
from evidence.leaf import batch_leaf
from evidence.merkle import inclusion_path, leaf_hash, node_hash, tree_root
from evidence.receipt import ReceiptSigner, Run
from tests.support.batches import GATEWAY, KEY, START_MS, chain_of, one_frame, sign_body

ORIGIN = "coldwarden.test/log/2026"
LOG_KEY = SoftwareKey(-19, bytes(range(32)))
PINNED = Pinned(
    gateway=GATEWAY, gateway_key=KEY.public, log_origin=ORIGIN, log_key=LOG_KEY.public
)
CHAIN = chain_of(5)
PROVEN = sign_body(
    replace(CHAIN[3].body, columns=one_frame([[520, 410], [521, 411], [530, 412]]))
)
BATCHES = [*(b.data for b in CHAIN[:3]), PROVEN.data, CHAIN[4].data]
LEAVES = [
    leaf_hash(batch_leaf((KEY.kid, PROVEN.body.epoch, i, 0), sha256(data).digest()))
    for i, data in enumerate(BATCHES)
]
T0_MS = PROVEN.body.t0


def node(level: int, index: int) -> bytes:
    if level == 0:
        return LEAVES[index]
    return node_hash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1))


def evidence() -> ProofEvidence:
    path = inclusion_path(3, len(LEAVES), node)
    root = tree_root(len(LEAVES), node)
    checkpoint = Checkpoint(origin=ORIGIN, size=len(LEAVES), root=root)
    signed = ReceiptSigner(ORIGIN, LOG_KEY).checkpoint(len(LEAVES), root, 1_700_000_000)
    return ProofEvidence(
        batch=PROVEN.data,
        previous=BATCHES[2],
        received_ms=T0_MS + 900,
        run_lo=0,
        leaf_index=3,
        path=path,
        checkpoint=sign(checkpoint, LOG_KEY, LOG_KEY.public),
        receipt=signed.receipt([Run(PROVEN.body.epoch, 0, 3, 3, path)]),
    )


def proof(
    found: ProofEvidence, pinned: Pinned = PINNED, t_ms: int = T0_MS + 15_000
) -> ProofView:
    view = proof_view(found, pinned, 1, t_ms)
    assert view is not None
    return view


def failed(view: ProofView) -> list[str]:
    return [check.name for check in view.checks if not check.ok]


def test_an_honest_reading_is_proven_in_every_step() -> None:
    view = proof(evidence())
    assert failed(view) == []
    assert [check.name for check in view.checks] == [
        "signature",
        "chain",
        "inclusion",
        "receipt",
        "checkpoint",
    ]
    assert (view.seq, view.run_lo, view.run_hi, view.tree_size) == (3, 0, 3, 5)
    assert view.leaf_hash == LEAVES[3].hex()
    assert view.batch_sha256 == sha256(PROVEN.data).hexdigest()


def test_the_reading_is_the_newest_of_the_channel_at_or_before_the_time() -> None:
    assert (proof(evidence()).reading_ms, proof(evidence()).value) == (T0_MS + 10_000, 5.21)
    assert proof(evidence(), t_ms=T0_MS + 20_000).value == 5.30
    assert proof_view(evidence(), PINNED, 1, T0_MS - 1) is None
    assert proof_view(evidence(), PINNED, 9, T0_MS + 99_000) is None
    assert START_MS < T0_MS


def test_a_reading_whose_clock_was_set_right_is_found_at_its_right_time() -> None:
    moved = proof(replace(evidence(), shift_ms=7_000), t_ms=T0_MS + 17_000)
    assert (moved.reading_ms, moved.value) == (T0_MS + 17_000, 5.21)


FORGED = sign_body(PROVEN.body, SoftwareKey(-19, bytes(32)))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"batch": PROVEN.data[:-1] + b"\0"}, ["signature", "inclusion", "receipt"]),
        ({"batch": FORGED.data}, ["signature", "inclusion", "receipt"]),
        ({"previous": None}, ["chain"]),
        ({"previous": BATCHES[1]}, ["chain"]),
        ({"run_lo": 1}, ["inclusion"]),
        ({"leaf_index": 2}, ["inclusion"]),
        ({"leaf_index": 99}, ["inclusion"]),
        ({"path": evidence().path[:-1]}, ["inclusion"]),
        ({"path": [bytes(32), *evidence().path[1:]]}, ["inclusion"]),
        ({"receipt": evidence().receipt[:-1] + b"\0"}, ["receipt"]),
        ({"receipt": b""}, ["receipt"]),
        ({"checkpoint": b"nonsense"}, ["inclusion", "checkpoint"]),
        (
            {"checkpoint": evidence().checkpoint.replace(b"\n5\n", b"\n6\n")},
            ["inclusion", "checkpoint"],
        ),
    ],
)
def test_whatever_is_changed_the_step_that_breaks_says_so(
    change: dict[str, Any], expected: list[str]
) -> None:
    view = proof(replace(evidence(), **change))
    assert failed(view) == expected
    assert all(check.detail for check in view.checks)


def test_another_log_key_proves_nothing() -> None:
    other = replace(PINNED, log_key=SoftwareKey(-19, bytes(32)).public)
    assert failed(proof(evidence(), other)) == ["inclusion", "receipt", "checkpoint"]


def test_a_batch_signed_for_another_gateway_is_no_proof() -> None:
    other = replace(PINNED, gateway="gw-other")
    assert failed(proof(evidence(), other)) == ["signature"]


def test_the_first_batch_of_an_epoch_follows_nothing() -> None:
    first = sign_body(replace(CHAIN[0].body, columns=one_frame([[520]])))
    view = proof_view(
        replace(evidence(), batch=first.data, previous=None), PINNED, 1, first.body.t0
    )
    assert view is not None
    assert "chain" not in failed(view)
