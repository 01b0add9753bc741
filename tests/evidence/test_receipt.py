"""Receipts: what they prove, what they refuse, and what another implementation says."""

from hashlib import sha256

import cbor2
import pytest
import scitt_cose
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given
from hypothesis import strategies as st

from evidence.cose import ALG_ED25519
from evidence.errors import WireError
from evidence.keys import SoftwareKey
from evidence.leaf import batch_leaf, genesis_leaf
from evidence.merkle import inclusion_path, leaf_hash, node_hash, tree_root
from evidence.outcome import is_receipt
from evidence.receipt import ReceiptSigner, Run, VerifiedReceipt, verify_receipt

ORIGIN = "example.org/log/2026"
KEY = SoftwareKey(ALG_ED25519, bytes(range(32)))
KID = b"gatewayk"
EPOCH = b"epoch 01"
COUNT = 20


def batch_hash(epoch: bytes, seq: int) -> bytes | None:
    return sha256(b"%s %d" % (epoch, seq)).digest() if seq < COUNT else None


def leaf_entries() -> list[bytes]:
    """Genesis, then the batches 0..COUNT-1 of one epoch, in order."""
    entries = [genesis_leaf(ORIGIN)]
    for seq in range(COUNT):
        known = batch_hash(EPOCH, seq)
        assert known is not None
        entries.append(batch_leaf((KID, EPOCH, seq, 0), known))
    return entries


ENTRIES = leaf_entries()
LEVELS = [[leaf_hash(entry) for entry in ENTRIES]]
while len(LEVELS[-1]) > 1:
    LEVELS.append(
        [node_hash(a, b) for a, b in zip(LEVELS[-1][::2], LEVELS[-1][1::2], strict=False)]
    )
SIZE = len(ENTRIES)


def node(level: int, index: int) -> bytes:
    return LEVELS[level][index]


def run(hi: int, lo: int = 0) -> Run:
    return Run(EPOCH, lo, hi, hi + 1, inclusion_path(hi + 1, SIZE, node))


ROOT = tree_root(SIZE, node)
SIGNED = ReceiptSigner(ORIGIN, KEY).checkpoint(SIZE, ROOT, 1_800_000_000)
RECEIPT = SIGNED.receipt([run(7), run(19)])


def verified(data: bytes, kid: bytes = KID, origin: str = ORIGIN) -> VerifiedReceipt:
    return verify_receipt(data, KEY.public, origin, kid, batch_hash)


def test_a_receipt_proves_its_runs() -> None:
    result = verified(RECEIPT)
    assert (result.size, result.root, result.iat_s) == (SIZE, ROOT, 1_800_000_000)
    assert result.runs == ((EPOCH, 0, 7), (EPOCH, 0, 19))
    assert is_receipt(RECEIPT)


def test_a_receipt_is_what_the_standard_lays_out() -> None:
    tag = cbor2.loads(RECEIPT)
    protected, unprotected, payload, signature = tag.value
    assert (tag.tag, payload, len(signature)) == (18, None, 64)
    assert cbor2.loads(protected) == {
        1: -19,
        4: KEY.kid,
        15: {1: ORIGIN, 6: 1_800_000_000},
        395: 1,
        -70002: SIZE,
    }
    size, index, path = cbor2.loads(unprotected[396][-1][1])
    assert (size, index, list(path)) == (SIZE, 20, list(run(19).path))
    assert [list(r) for r in unprotected[-70001]] == [[EPOCH, 0, 7], [EPOCH, 0, 19]]


def test_receipts_of_one_checkpoint_share_its_signature() -> None:
    assert SIGNED.receipt([run(3)])[-64:] == RECEIPT[-64:]


@pytest.mark.parametrize(
    "data",
    [
        SIGNED.receipt([Run(EPOCH, 1, 7, 8, run(7).path)]),
        SIGNED.receipt([Run(EPOCH, 0, 6, 8, run(7).path)]),
        SIGNED.receipt([Run(b"epoch 02", 0, 7, 8, run(7).path)]),
        SIGNED.receipt([Run(EPOCH, 0, 7, 9, run(7).path)]),
        SIGNED.receipt([Run(EPOCH, 0, COUNT, 8, run(7).path)]),
        SIGNED.receipt([run(7), Run(EPOCH, 0, 19, 20, run(7).path)]),
        SIGNED.receipt([]),
        RECEIPT + b"\x00",
        RECEIPT[:-1],
    ],
)
def test_a_claim_that_the_tree_does_not_hold_is_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        verified(data)


def test_another_key_log_or_gateway_is_refused() -> None:
    with pytest.raises(WireError):
        verified(RECEIPT, kid=b"otherkey")
    with pytest.raises(WireError):
        verified(RECEIPT, origin="example.org/log/2027")
    other = ReceiptSigner(ORIGIN, SoftwareKey.generate()).checkpoint(SIZE, ROOT, 1)
    with pytest.raises(WireError):
        verified(other.receipt([run(7)]))


def test_no_changed_byte_passes() -> None:
    data = SIGNED.receipt([run(7)])
    for at in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[at] ^= 1 << bit
            with pytest.raises(WireError):
                verified(bytes(changed))


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_with_one_error(data: bytes) -> None:
    with pytest.raises(WireError):
        verified(data)


class ThirdPartyKey:
    """The same key under the older algorithm number, which other tools know."""

    alg = -8
    kid = KEY.kid

    def sign(self, data: bytes) -> bytes:
        return KEY.sign(data)


@pytest.mark.parametrize("hi", [0, 7, 19])
def test_another_implementation_accepts_the_same_receipt_under_its_algorithm(hi: int) -> None:
    signed = ReceiptSigner(ORIGIN, ThirdPartyKey()).checkpoint(SIZE, ROOT, 1_800_000_000)
    pem = ed25519.Ed25519PublicKey.from_public_bytes(KEY.public.raw).public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )

    def judged(entry: bytes) -> scitt_cose.ReceiptResult:
        return scitt_cose.verify_receipt(
            signed.receipt([run(hi)]), leaf_entry_hex=entry.hex(), log_public_key_pem=pem
        )

    result = judged(ENTRIES[hi + 1])
    assert result.ok, result.errors
    assert (result.root, result.tree_size, result.issuer) == (ROOT.hex(), SIZE, ORIGIN)
    assert not judged(ENTRIES[hi]).ok
