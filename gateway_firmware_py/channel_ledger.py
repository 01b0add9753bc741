"""Which channel ever meant what: a channel is never reused for another device or quantity.

A reader of old batches takes a channel's meaning from the signed point table; this file keeps
an operator from giving a number a second meaning by mistake.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from domain.channel import Channel
from evidence.disk import REAL_DISK, Disk, write_file
from gateway_firmware_py.errors import ConfigError


def check_channels(file: Path, channels: Sequence[Channel], *, disk: Disk = REAL_DISK) -> None:
    """Add new channels to the ledger, whose folder exists.

    Raises:
        ConfigError: a channel would change its meaning, or the ledger cannot be read.
        LogFullError, StorageFaultError: the disk does not take the ledger.
    """
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
        text = json.dumps({**known, **meant}, indent=0, sort_keys=True)
        write_file(file, text.encode(), disk=disk)


def _load(file: Path) -> Mapping[str, str]:
    try:
        return {str(k): str(v) for k, v in json.loads(file.read_text()).items()}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError) as error:
        remedy = "restore it from a backup, or delete it if no batch was ever signed here"
        raise ConfigError(f"{file} cannot be read: {error}; {remedy}") from error
