"""Free loopback ports for servers that a test starts."""

from simulators.ports import free_port

__all__ = ["free_port"]
