"""What can be wrong with the pages; all of it is found by tests before a viewer sees it."""


class DashboardError(Exception):
    """Root of everything this package raises on purpose."""


class UnknownMessageError(DashboardError):
    """A page asks for a text that the catalogue does not have."""

    def __init__(self, key: str, lang: str) -> None:
        super().__init__(f"no message {key!r} in dashboards/messages/{lang}.toml")
        self.key = key
        self.lang = lang
