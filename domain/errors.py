"""What can be wrong with domain knowledge: one base, subclasses by what to do next."""


class DomainError(Exception):
    """Something the domain does not know or does not allow."""


class UnknownPackError(DomainError):
    """No rule pack has this name; carries the names that exist."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        self.name = name
        self.known = known
        super().__init__(f"unknown rule pack {name!r}; use one of: {', '.join(known)}")


class UnknownProfileError(DomainError):
    """No device profile has this name; carries the names that exist."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        self.name = name
        self.known = known
        super().__init__(f"unknown device profile {name!r}; use one of: {', '.join(known)}")


class WrongUnitError(DomainError):
    """A unit does not measure the quantity; carries the units that do."""

    def __init__(self, quantity: str, unit: str, permitted: tuple[str, ...]) -> None:
        self.quantity = quantity
        self.unit = unit
        self.permitted = permitted
        expected = " or ".join(repr(u) for u in permitted)
        super().__init__(f"unit {unit!r} does not measure {quantity}; use UCUM {expected}")


class BadDataFileError(DomainError):
    """A rule pack or device profile file is malformed; names the file and the field."""

    def __init__(self, file: str, reason: str) -> None:
        self.file = file
        self.reason = reason
        super().__init__(f"{file}: {reason}")


class BadSnapshotError(DomainError):
    """A saved alarm state cannot be read; the reader starts afresh from the archive."""

    def __init__(self, what: str, raw: object) -> None:
        self.what = what
        super().__init__(f"saved alarm state: expected {what}, got {raw!r:.60}")
