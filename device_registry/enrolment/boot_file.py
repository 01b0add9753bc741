"""`coldwarden-claim.toml`: what a technician copies to the SD card's boot partition.

Pure. The gateway's first boot reads it, sets up the network, enrols, and removes the claim.
"""

import json
from collections.abc import Mapping
from typing import Final

from device_registry.enrolment.network import check_network
from evidence.enrolment.claim import Claim

FILE_NAME: Final = "coldwarden-claim.toml"
_HEAD: Final = """\
# Copy this file to the boot partition of the gateway's SD card. It is good for one gateway and
# one day; the gateway enrols when it starts, and answers by its beeper or light.
"""


def boot_file(claim: Claim, network: Mapping[str, object]) -> str:
    """Return the file's text; `network` is as the claim's own.

    Raises:
        ClaimRefusedError: a network that cannot be; with the remedy.
    """
    check_network(network)
    lines = [_HEAD, f"claim = {_value(claim.text())}"]
    plain = {k: v for k, v in network.items() if not isinstance(v, Mapping)}
    if plain:
        lines += ["", "[network]", *_settings(plain)]
    for name, table in network.items():
        if isinstance(table, Mapping):
            lines += ["", f"[network.{name}]", *_settings(table)]
    return "\n".join(lines) + "\n"


def _settings(table: Mapping[str, object]) -> list[str]:
    return [f"{name} = {_value(value)}" for name, value in table.items()]


def _value(value: object) -> str:
    # JSON's texts, lists and flags are TOML's too: all texts are printable (`check_network`).
    return json.dumps(value, ensure_ascii=False)
