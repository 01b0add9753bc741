"""What the forms of people ask besides ids: a reason, and until when. Pure."""

import datetime as dt
from typing import Final
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from cloud.pages.viewer import FALLBACK_ZONE
from device_registry.accounts.errors import AccountError

MAX_REASON_CHARS: Final = 200


class RoleForm(BaseModel):
    """A role to be given, as a form says it; what is left out does not limit it."""

    role: str = ""
    organisation: str = ""
    region: str = ""
    subject_class: str = ""
    until: str = ""
    why: str = ""

    @property
    def where(self) -> tuple[str, str, str]:
        """Organisation, region and subject class."""
        return self.organisation.strip(), self.region.strip(), self.subject_class


def reason(text: str) -> str:
    """Return why somebody is changed; `AccountError` when nothing is said."""
    said = " ".join(text.split())
    if not said or not said.isprintable() or len(said) > MAX_REASON_CHARS:
        raise AccountError("why", f"give a reason of at most {MAX_REASON_CHARS} characters")
    return said


def end_of_day(text: str, at_ms: int) -> int | None:
    """Return the end of a day, e.g. 2027-01-31, as Unix ms; None for no end.

    Raises:
        AccountError: it is no day, or a past one.
    """
    if not text:
        return None
    try:
        day = dt.date.fromisoformat(text) + dt.timedelta(days=1)
        end = dt.datetime.combine(day, dt.time(), ZoneInfo(FALLBACK_ZONE))
    except (ValueError, OverflowError) as error:
        raise AccountError("until", "expected a day like 2027-01-31") from error
    end_ms = int(end.timestamp()) * 1000
    if end_ms <= at_ms:
        raise AccountError("until", "the day is over already")
    return end_ms
