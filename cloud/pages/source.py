"""What the pages ask of the cloud.

`cloud.compose` implements it over the projections and the archive; `tests.support.pages` fakes
it. The plain methods are called from worker threads and may block; they must not need the event
loop.
"""

from asyncio import Queue
from contextlib import AbstractContextManager
from typing import Protocol

from dashboards.models import LiveUpdate, Overview, ProofView, Series


class PageSource(Protocol):
    """Everything a page shows, read only."""

    def overview(self) -> Overview:
        """Return every site as it stands now, the open alarms and the counts; from memory."""
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
