"""A second COSE implementation to test ours against: the `cwt` library in a process of its own.

It pins an older cbor2 than we use, so it lives in `.venv-oracle`, which `scripts/test` makes.
"""

import json
import subprocess
from pathlib import Path

ORACLE_PYTHON = Path(__file__).resolve().parents[2] / ".venv-oracle" / "bin" / "python"

_VERIFY = """
import json, sys
import cbor2
from cwt import COSE, COSEKey
out = []
for case in json.load(sys.stdin):
    x = bytes.fromhex(case["public"])
    if case["alg"] == -19:
        key = {1: 1, 3: -19, -1: 6, -2: x}
    else:
        key = {1: 2, 3: -9, -1: 1, -2: x[1:33], -3: x[33:]}
    try:
        message = cbor2.loads(bytes.fromhex(case["message"]))
        key[2] = cbor2.loads(message.value[0])[4]  # cwt looks a key up by its id
        payload = COSE.new().decode(bytes.fromhex(case["message"]), COSEKey.new(key))
        out.append(payload.hex() if isinstance(payload, bytes) else "")
    except Exception as e:
        out.append(None)
json.dump(out, sys.stdout)
"""


def payloads(cases: list[tuple[bytes, int, bytes]]) -> list[bytes | None]:
    """Return what `cwt` reads of each (message, alg, public key); None where it refuses."""
    question = [{"message": m.hex(), "alg": a, "public": k.hex()} for m, a, k in cases]
    done = subprocess.run(
        [str(ORACLE_PYTHON), "-c", _VERIFY],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return [None if p is None else bytes.fromhex(p) for p in json.loads(done.stdout)]
