"""What the gate raises; none of it carries anything that the asker may not know."""

from cloud.errors import CloudError


class UnruledRouteError(CloudError):
    """A route that `cloud.access.rules` does not name: the server must not start with it."""


class NotVisibleError(CloudError):
    """What was asked for does not exist, or not for this person: both answer 404 alike."""

    def __init__(self) -> None:
        super().__init__("not found")


class ProviderError(CloudError):
    """A provider cannot be asked, or says what cannot be trusted; for the operator's log."""
