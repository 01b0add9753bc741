"""What can be wrong with a field job; each says what to do."""

from device_registry.errors import RegistryError


class JobError(RegistryError):
    """A field job that cannot be done like this."""


class UnknownJobError(JobError, LookupError):
    """No job has this name; carries those that exist."""

    def __init__(self, job: str, known: tuple[str, ...]) -> None:
        self.job = job
        self.known = known
        super().__init__(f"unknown job {job!r}; use one of {', '.join(known)}")


class JobRefusedError(JobError):
    """The plan refuses something, or inputs are missing; carries the text keys or names."""

    def __init__(self, job: str, keys: tuple[str, ...]) -> None:
        self.job = job
        self.keys = keys
        super().__init__(f"job {job} refused: {', '.join(keys)}; mend these, then repeat")


class JobOutdatedError(JobError):
    """The registry changed after the record was signed; nothing was applied."""

    def __init__(self, job: str, record: str) -> None:
        self.job = job
        self.record = record
        super().__init__(
            f"job {job}: the registry changed since record {record} was signed; "
            "look at it again and have it signed again"
        )


class WorkOrderError(JobError):
    """A work order that does not exist or is closed."""

    def __init__(self, work_order: str, what: str) -> None:
        self.work_order = work_order
        super().__init__(f"work order {work_order}: {what}; open a new one")
