"""What can go wrong with the kept configuration, by the reaction it asks for."""

from gateway_firmware_py.errors import FirmwareError


class KeptConfigurationError(FirmwareError):
    """What is on the disk is not what was kept there: the one before it is used."""
