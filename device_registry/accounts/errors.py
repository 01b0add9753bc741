"""What can be refused to a person about an account."""

from device_registry.errors import RegistryError


class AccountError(RegistryError):
    """A wish about an account that cannot be met; `code` is the key of its text on pages."""

    def __init__(self, code: str, what: str) -> None:
        self.code = code
        super().__init__(what)
