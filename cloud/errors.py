"""What can go wrong in the cloud, sorted by who must react.

`ConfigError` and `OperatorError` end a command with exit 2 and carry the remedy;
`UnavailableError` is the world's and is retried; `LogRefusedError` means that the log must not
be signed any more.
"""


class CloudError(Exception):
    """Root of everything the cloud raises on purpose."""


class ConfigError(CloudError):
    """A configuration that cannot be used; the message names file, line and remedy."""


class OperatorError(CloudError):
    """A command asked for something that cannot be done; the message carries the remedy."""


class UnavailableError(CloudError):
    """Something outside does not answer now; asking again later is right."""


class LogRefusedError(CloudError):
    """The tree does not extend what was published, so nothing may be signed for it."""


class ArchiveError(CloudError):
    """The archive folder is not what its manifest says; `path` names the file."""

    def __init__(self, path: object, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path


class BackupError(CloudError):
    """A copy does not read back as its source; the message names the file and place."""
