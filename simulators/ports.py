"""Free ports for programs that must know their port before they start."""

import random
import socket

from simulators.errors import SimulatorError

# Below every system's ephemeral range (Linux 32768, IANA 49152): a port from that range may be
# taken by anybody's outgoing connection between our look at it and the program's start.
LOWEST, HIGHEST = 10_240, 32_000
TRIES = 200

_given: set[int] = set()
_rng = random.Random()


def free_port() -> int:
    """Return a TCP port on 127.0.0.1 that nobody listens on, and that was not given before."""
    for _ in range(TRIES):
        port = _rng.randrange(LOWEST, HIGHEST)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port
    raise SimulatorError(f"no free port in {TRIES} tries between {LOWEST} and {HIGHEST}")


def _is_free(port: int) -> bool:
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
