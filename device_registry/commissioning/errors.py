"""What can be wrong with a commissioning; each says what is missing."""

from device_registry.errors import RegistryError


class CommissioningError(RegistryError):
    """A commissioning that cannot end like this."""


class NotPassedError(CommissioningError):
    """The review refuses something; carries the text keys of what it refuses."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self.keys = keys
        super().__init__(f"commissioning refused: {', '.join(keys)}; mend these, review again")


class NotSignedError(CommissioningError):
    """A signature is missing, or is for another document."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(f"report not signed: {what}")
