"""What can be wrong with a package of certificates as a whole; rows are `RowProblem`s."""

from device_registry.errors import RegistryError


class PackageError(RegistryError):
    """The package cannot be read at all; carries the text key and its values."""

    def __init__(self, key: str, **args: str) -> None:
        self.key = key
        self.args_of_text = args
        told = ", ".join(f"{name}={value}" for name, value in args.items())
        super().__init__(f"certificates: {key}{f' ({told})' if told else ''}")
