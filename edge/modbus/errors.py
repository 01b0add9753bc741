"""What ends a line; the source closes it and opens it again."""

from edge.errors import BadAnswerError, UnreachableError


class DesyncError(BadAnswerError):
    """What came is not Modbus TCP: nothing after it can be trusted."""


class LineLostError(UnreachableError):
    """The connection or the serial port is gone."""
