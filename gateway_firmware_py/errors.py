"""What can go wrong in the appliance itself, by the reaction it asks for."""


class FirmwareError(Exception):
    """Root of everything that this package raises on purpose."""


class ConfigError(FirmwareError):
    """The configuration cannot be used: the operator changes it; the program exits with 2.

    The message holds one line per mistake: file, line, what is wrong, the remedy.
    """


class IdentityError(FirmwareError):
    """The gateway's key cannot be used: the operator repairs the file or makes a new one."""
