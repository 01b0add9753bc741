"""What one message told about one device."""

from dataclasses import dataclass

from edge.mqtt_source.scaling import Scaled


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The readings of a message, one per point of the device, None where it said nothing.

    `stamp` is the device's own mark of when it measured, good only for recognising a repeat;
    `measured_ms` is the same as Unix ms where it comes from a clock that is set; `wake_s` is
    how long the device said it sleeps. Readings are never stamped with any of them.
    """

    values: tuple[Scaled | None, ...]
    stamp: str = ""
    measured_ms: int | None = None
    wake_s: int = 0

    @property
    def is_empty(self) -> bool:
        """Return whether the message has no reading of any configured point."""
        return all(value is None for value in self.values)
