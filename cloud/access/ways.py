"""What an installation offers for coming in, and who carries it out."""

from collections.abc import Callable
from dataclasses import dataclass, field

from cloud.access.door import Door
from cloud.access.providers import Provider
from dashboards.access import models
from dashboards.models import AlarmView
from device_registry.accounts.accounts import Accounts
from device_registry.accounts.sms_code import SmsGateway

OpenAlarms = Callable[[str], tuple[AlarmView, ...]]
"""The alarms of a site that are not cleared."""


def no_alarms(_site: str) -> tuple[AlarmView, ...]:
    """Return no alarm: for an installation without a read side."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherWays:
    """What a file of providers offers beside passwords."""

    providers: tuple[Provider, ...] = ()
    sms: SmsGateway | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """Everything that the log-in pages need."""

    accounts: Accounts
    now_ms: Callable[[], int]
    door: Door
    sms: SmsGateway | None = None
    providers: tuple[Provider, ...] = field(default=())
    base_url: str = ""
    """Address of this server as browsers see it; "" to believe what they say it is."""
    open_alarms: OpenAlarms = no_alarms

    def shown_providers(self) -> tuple[models.Provider, ...]:
        """Return the providers as pages show them."""
        return tuple(
            models.Provider(id=p.id, kind=p.kind, title=p.title) for p in self.providers
        )
