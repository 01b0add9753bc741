"""Configurations in a running server: offered at contact, their answers followed.

Made by `cloud.compose` for a `Core`; `start` before batches are taken, `stop` after.
"""

import logging
import time
from contextlib import closing
from typing import Final

from cloud.configuring.offering import Offers
from cloud.configuring.projection import ConfigurationProjection
from cloud.core import Core
from cloud.projections.feed import CommitGroup
from cloud.projections.runner import Runner

FILE: Final = "configuration.db"

_log = logging.getLogger(__name__)


class Configuring:
    """See the module."""

    def __init__(self, core: Core) -> None:
        self.offers = Offers(
            core.store, core.keys.control, core.keyring.site_of, time.monotonic
        )
        self._core = core
        self._projection = ConfigurationProjection(
            core.config.state_dir / "projections" / FILE, core.store, self.offers.heard
        )
        self._runner = Runner(self._projection, core.reader)
        core.registry.listeners.append(self._changed)
        core.answers.also = self.offers.at_contact

    def start(self) -> None:
        """Begin to follow the archive."""
        self._core.sequencer.listeners.append(self._offer)
        self._runner.start()

    def stop(self) -> None:
        """Finish what is being applied, and let go of the file."""
        self._runner.stop()
        with closing(self._projection):
            pass

    def _offer(self, group: CommitGroup) -> None:
        self._runner.offer(group)

    def _changed(self, _gateways: frozenset[str]) -> None:
        self.offers.refresh()
