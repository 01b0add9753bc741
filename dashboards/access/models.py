"""What the pages of log-ins show, as values; built by `cloud.access`.

`problem` and `done` are ends of message keys `access.problem_…` and `access.done_…`, "" for
none. Times are Unix ms.
"""

from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import quote

from dashboards.models import AlarmView, Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Another way to come in."""

    id: str
    kind: str
    """`oidc`, `wecom` or `dingtalk`."""
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginPage:
    """By password and one-time code; links to the other ways."""

    now_ms: int
    csrf: str
    """"" without a session: then the browser's word on the origin is enough."""
    next: str
    login: str = ""
    problem: str = ""
    until_ms: int | None = None
    """Until when the login is locked."""
    providers: tuple[Provider, ...] = ()
    has_sms: bool = False

    @property
    def query(self) -> str:
        """What stays in the address when the language changes."""
        return f"next={quote(self.next, safe='/')}&"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsPage:
    """By a code that is sent to a phone; `phone` is set once one was asked for."""

    now_ms: int
    csrf: str
    """"" without a session: then the browser's word on the origin is enough."""
    next: str
    phone: str = ""
    problem: str = ""

    @property
    def query(self) -> str:
        """What stays in the address when the language changes."""
        return f"next={quote(self.next, safe='/')}&"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgainPage:
    """Who has come in proves again who it is, before it signs."""

    now_ms: int
    next: str
    csrf: str
    person: str
    problem: str = ""
    until_ms: int | None = None
    providers: tuple[Provider, ...] = ()

    @property
    def query(self) -> str:
        """What stays in the address when the language changes."""
        return f"next={quote(self.next, safe='/')}&"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRole:
    """A role that the person holds; where it reaches, in words of the registry."""

    title: Name
    over: Name | None = None
    region: Name | None = None
    until_ms: int | None = None
    is_asleep: bool = False
    """It counts only with a second factor, which this log-in has not shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MePage:
    """A person's own account."""

    now_ms: int
    csrf: str
    login: str
    person: str
    organisation: Name
    roles: tuple[HeldRole, ...]
    must_change: bool
    has_totp: bool
    needs_totp: bool
    secret: str
    """A new secret that may be taken into use."""
    qr: str
    """The address of its picture."""
    has_pin: bool
    has_badge: bool
    phone: str
    phone_verified_ms: int | None
    has_sms: bool
    is_code_sent: bool = False
    problem: str = ""
    done: str = ""
    query: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StationPage:
    """A shared station where the person changes; or how a browser becomes one."""

    now_ms: int
    csrf: str
    label: str = ""
    """"" while this browser is no station."""
    site_name: Name | None = None
    person: str = ""
    """Who works at it now."""
    can_register: bool = False
    site: str = ""
    problem: str = ""
    until_ms: int | None = None
    query: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverPage:
    """A shift passes the open alarms of a site on to the next."""

    now_ms: int
    csrf: str
    site: str
    site_name: Name
    person: str
    alarms: tuple[AlarmView, ...]
    problem: str = ""
    until_ms: int | None = None
    record: str = ""
    """Id of the record that was just signed by both."""
    successor: str = ""
    query: str = ""


AccessPage: TypeAlias = LoginPage | SmsPage | AgainPage | MePage | StationPage | HandoverPage
