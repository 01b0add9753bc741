"""The throw-away certificate authority, where tests look for it."""

from simulators.certificates import Authority, Identity

__all__ = ["Authority", "Identity"]
