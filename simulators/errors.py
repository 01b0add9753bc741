"""What can go wrong in the simulated world, by whose fault it is."""


class SimulatorError(Exception):
    """Root of everything the simulators raise on purpose."""


class UsageError(SimulatorError):
    """The operator asked for something that cannot be; the message carries the remedy."""


class UnavailableError(SimulatorError):
    """A port, device or broker could not be had; another try may succeed."""
