"""What the pages ask of the cloud.

`cloud.compose` implements it over the projections and the archive; `tests.support.pages` fakes
it. The plain methods are called from worker threads and may block; they must not need the event
loop.
"""

from asyncio import Queue
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Final, Protocol

from dashboards.models import LiveUpdate, Overview, ProofView, Series
from device_registry.access.scope import Scope, Subject

SITES_SHOWN: Final = 60
"""Cards on one page: nobody reads more."""
ALARMS_SHOWN: Final = 200


class PageSource(Protocol):
    """Everything a page shows, read only."""

    def overview(self, within: Sequence[Scope]) -> Overview:
        """Return the sites within some scopes as they stand now, their alarms and counts.

        At most `SITES_SHOWN` of them, those with alarms first when there are more, and at most
        `ALARMS_SHOWN` of all their alarms, the most urgent first. The others are counted.
        """
        ...

    def site(self, site: str) -> Overview:
        """Return the same of one site; of none when there is no such site."""
        ...

    def belongs(self, site: str) -> Subject | None:
        """Return where a site belongs, for who may do what there."""
        ...

    def acknowledge(self, alarm: str, who: str, at_ms: int) -> None:
        """Record that an account has seen an alarm; it counts once the archive has it.

        One that does not wait for it any more is left alone.
        """
        ...

    def site_of(self, point: str) -> str:
        """Return the site of a point, empty when there is no such point."""
        ...

    def series(self, point: str, t0_ms: int, t1_ms: int, max_points: int) -> Series:
        """Return the readings with t0_ms <= t < t1_ms in order of time, each once.

        When there are more than `max_points` the store may thin them, keeping lowest and
        highest values. A poll without a value may be given as None.

        Raises:
            UnavailableError: the time series cannot be read now.
        """
        ...

    def proof(self, point: str, t_ms: int) -> ProofView | None:
        """Return the proof of the reading at `t_ms`, or of the nearest before it.

        None while no receipt covers its batch.
        """
        ...

    def subscribe(self) -> AbstractContextManager[Queue[LiveUpdate | None]]:
        """Return a queue of what changes from now on; a None says: come again and read anew.

        Called on the event loop.

        Raises:
            TooManyViewersError: the server serves enough live pages already.
        """
        ...
