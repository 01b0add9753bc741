"""What a phone can send wrongly; the step is refused, never tried again."""


class BadStepError(ValueError):
    """A step that no phone of ours sends; it is refused for good."""
