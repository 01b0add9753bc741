"""What can go wrong in a gateway's parts, by the reaction it asks for.

A message says what was expected, what came and where, and carries the remedy when a person has
to act.
"""


class EdgeError(Exception):
    """Root of everything that this package raises on purpose."""


class SourceConfigError(EdgeError):
    """A source cannot work as configured: the operator changes the configuration."""


class UnreachableError(EdgeError):
    """A device or port cannot be reached now: it is tried again."""


class BadAnswerError(EdgeError):
    """A device answered, but not what its protocol allows: the answer is dropped."""
