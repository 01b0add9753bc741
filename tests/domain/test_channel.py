"""A row of the point table is a value."""

import dataclasses

import pytest

from domain.channel import Channel
from domain.quantity import Quantity


def test_a_channel_cannot_be_changed_after_it_was_made() -> None:
    channel = Channel(
        number=1,
        device="fridge-1",
        serial="",
        source="holding:0x0001",
        quantity=Quantity.TEMPERATURE,
        unit="Cel",
        exp=-1,
        profile="RS-WS-N01@1",
    )
    with pytest.raises(dataclasses.FrozenInstanceError):
        channel.number = 2  # type: ignore[misc]
