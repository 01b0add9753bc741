"""One row of a gateway's signed point table: what a channel number means.

An auditor needs nothing else to know what an archived integer was.
"""

from dataclasses import dataclass

from domain.quantity import Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A series of readings of one gateway; its number is never used for anything else."""

    number: int
    """Unsigned, unique within the gateway for ever."""
    device: str
    """The device's name in the gateway's configuration."""
    serial: str
    """The device's serial number; empty when unknown."""
    source: str
    """Where on the device: `holding:0x0001`, `zigbee2mqtt/fridge:$.temperature`."""
    quantity: Quantity
    unit: str
    """UCUM code."""
    exp: int
    """A reading `v` of this channel is worth v x 10^exp units."""
    profile: str
    """`name@version` of the device profile that decoded it."""
