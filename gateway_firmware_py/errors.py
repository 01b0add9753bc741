"""What can go wrong in the appliance itself, by the reaction it asks for."""


class FirmwareError(Exception):
    """Root of everything that this package raises on purpose."""


class ConfigError(FirmwareError):
    """The configuration cannot be used: the operator changes it; the program exits with 2.

    The message holds one line per mistake: file, line, what is wrong, the remedy.
    """


class IdentityError(FirmwareError):
    """The gateway's key cannot be used: the operator repairs the file or makes a new one."""


class DiskRefusedError(FirmwareError):
    """The disk does not take what must be kept: the operator frees space or replaces it."""


class EnrolmentError(FirmwareError):
    """The claim, the server or this device does not let it go on: asking again is no use."""


class CloudUnreachedError(FirmwareError):
    """No answer, or "not now": nothing is lost, and the same command may be given again."""
