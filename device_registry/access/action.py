"""What a right can be about; the smallest set that roles, tokens and routes share.

Pure. A new action needs a line in `roles.toml`, or nobody can do it.
"""

from enum import StrEnum
from typing import Final


class Action(StrEnum):
    """One thing that somebody may be allowed to do; the value stands in files and tokens."""

    VIEW_PUBLIC = "view_public"
    VIEW_SITE = "view_site"
    """Sites with their points, states and open alarms, and the live stream of both."""
    VIEW_READINGS = "view_readings"
    """Readings over time, and their proofs."""
    VIEW_REGISTRY = "view_registry"
    """Organisations, devices, keys, certificates, calibrations, what expires."""
    EDIT_REGISTRY = "edit_registry"
    VIEW_PEOPLE = "view_people"
    EDIT_PEOPLE = "edit_people"
    VIEW_AUDIT = "view_audit"
    ACKNOWLEDGE_ALARM = "acknowledge_alarm"
    """Also to pass open alarms on at a shift's end."""
    ENROL = "enrol"
    """Make claims for new gateways."""
    COMMISSION = "commission"
    """Commission a site and do field jobs."""
    SIGN_REPORT = "sign_report"
    REVOKE_REQUEST = "revoke_request"
    REVOKE_APPROVE = "revoke_approve"
    CONFIGURE = "configure"
    """Send gateways a new configuration."""
    EXPORT = "export"
    IMPORT = "import"
    OPERATE = "operate"
    """The server itself: its status and figures."""


SIGNATURES: Final = frozenset(
    {Action.SIGN_REPORT, Action.REVOKE_REQUEST, Action.REVOKE_APPROVE, Action.EDIT_PEOPLE}
)
"""Done by a person who has just proven again who it is; never by a token."""
