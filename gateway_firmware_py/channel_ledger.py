"""Which channel ever meant what: a channel is never reused for another device or quantity.

A reader of old batches takes a channel's meaning from the signed point table; this file keeps
an operator from giving a number a second meaning by mistake.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from domain.channel import Channel
from gateway_firmware_py.errors import ConfigError


def check_channels(file: Path, channels: Sequence[Channel]) -> None:
    """Add new channels to the ledger; ConfigError when one would change its meaning."""
    known = _load(file)
    meant = {str(c.number): f"{c.device}/{c.quantity}" for c in channels}
    for number, meaning in meant.items():
        if known.get(number, meaning) != meaning:
            free = max(int(n) for n in known) + 1
            raise ConfigError(
                f"channel {number} is {known[number]} in batches already signed and cannot "
                f"become {meaning}; give it a number never used, such as {free}"
            )
    if meant.keys() - known.keys():
        _store(file, {**known, **meant})


def _load(file: Path) -> Mapping[str, str]:
    try:
        return {str(k): str(v) for k, v in json.loads(file.read_text()).items()}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError) as error:
        remedy = "restore it from a backup, or delete it if no batch was ever signed here"
        raise ConfigError(f"{file} cannot be read: {error}; {remedy}") from error


def _store(file: Path, meanings: Mapping[str, str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    with fresh.open("w") as out:
        json.dump(meanings, out, indent=0, sort_keys=True)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)
