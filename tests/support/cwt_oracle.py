"""A second COSE implementation to test ours against: the `cwt` library."""

import cbor2
from cwt import COSE, COSEKey
from cwt.exceptions import DecodeError, VerifyError


def payloads(cases: list[tuple[bytes, int, bytes]]) -> list[bytes | None]:
    """Return what `cwt` reads of each (message, alg, public key); None where it refuses."""
    return [_payload(*case) for case in cases]


def _payload(message: bytes, alg: int, public: bytes) -> bytes | None:
    parts: dict[int, object] = {1: 1, 3: -19, -1: 6, -2: public}
    if alg != -19:
        parts = {1: 2, 3: -9, -1: 1, -2: public[1:33], -3: public[33:]}
    protected = cbor2.loads(cbor2.loads(message).value[0])
    parts[2] = protected[4]  # cwt looks a key up by its id
    try:
        payload = COSE.new().decode(message, COSEKey.new(parts))
    except (DecodeError, VerifyError):
        return None
    return payload if isinstance(payload, bytes) else b""
