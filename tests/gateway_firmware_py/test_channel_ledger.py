"""A channel keeps its meaning for ever."""

from dataclasses import replace
from pathlib import Path

import pytest

from domain.quantity import Quantity
from gateway_firmware_py.channel_ledger import check_channels
from gateway_firmware_py.errors import ConfigError
from tests.support.batches import channel_table


def test_a_channel_cannot_become_another_device_or_quantity(tmp_path: Path) -> None:
    file, (first, *rest) = tmp_path / "channels.json", channel_table(3)
    check_channels(file, [first, *rest])
    check_channels(file, [first])  # one left out keeps its number
    for other in (
        replace(first, device="fridge-9"),
        replace(first, quantity=Quantity.HUMIDITY),
    ):
        with pytest.raises(ConfigError, match="never used, such as 4"):
            check_channels(file, [other, *rest])
    check_channels(file, [replace(first, serial="replaced"), *rest])  # a new probe, same point


def test_a_ledger_that_cannot_be_read_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "channels.json"
    file.write_text("[")
    with pytest.raises(ConfigError, match="restore it from a backup"):
        check_channels(file, channel_table(1))
