"""By which configuration a gateway begins: the kept one, or the nearest that can be used.

Used by `gateway_firmware_py.compose` and `doctor`, and by enrolment for the first one. A
gateway that was offline for years begins by the last good one.
"""

import logging
from dataclasses import dataclass

from evidence.configuration import open_configuration
from evidence.errors import EvidenceError
from gateway_firmware_py.config.read import reconfigured
from gateway_firmware_py.config.settings import Settings
from gateway_firmware_py.configuring.errors import KeptConfigurationError
from gateway_firmware_py.configuring.store import ConfigurationStore
from gateway_firmware_py.configuring.trial import (
    Before,
    Kept,
    OnTrial,
    Settled,
    begin,
    in_force,
    roll_back,
    started,
)
from gateway_firmware_py.errors import ConfigError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What is in force at the start: `settings` by which to run, and how far it is."""

    settings: Settings
    kept: Kept


def settings_in_force(settings: Settings) -> Settings:
    """Return the file's settings with the configuration in force; changes nothing."""
    store = ConfigurationStore(settings.identity.state_dir)
    return usable(settings, store, _loaded(store)).settings


def begin_by_kept(settings: Settings, store: ConfigurationStore) -> Beginning:
    """Return what to run by, and keep that the program began once more.

    Raises:
        LogFullError, StorageFaultError: a trial's beginning cannot be kept.
    """
    loaded = _loaded(store)
    beginning = usable(settings, store, started(loaded))
    if beginning.kept != loaded:
        store.save(beginning.kept)
    return beginning


def put_first(settings: Settings, message: bytes) -> None:
    """Keep the configuration that enrolment brought, to be tried at the next start.

    One that is not newer than what is kept changes nothing, so it may be put twice.

    Raises:
        WireError: it is not signed by the control key for this gateway.
        ConfigError: it cannot be used here.
        LogFullError, StorageFaultError: it is not kept.
    """
    document = open_configuration(
        message, settings.trust.control_key, settings.identity.gateway
    )
    reconfigured(settings, document)
    store = ConfigurationStore(settings.identity.state_dir)
    kept = _loaded(store)
    newest = in_force(kept)
    if isinstance(kept, OnTrial) or (newest and newest.number >= document.version):
        return
    store.save(begin(kept, store.put(document), Before(polled=False, linked=False)))


def _loaded(store: ConfigurationStore) -> Kept:
    try:
        return store.load()
    except KeptConfigurationError as error:
        log.error("the kept configuration is lost: %s", error)  # noqa: TRY400 -- for the operator
        return Settled()


def usable(settings: Settings, store: ConfigurationStore, kept: Kept) -> Beginning:
    """Return `kept` or, when its document cannot be used, what comes nearest to it."""
    version = in_force(kept)
    if version is None:
        return Beginning(settings=settings, kept=kept)
    try:
        return Beginning(settings=reconfigured(settings, store.get(version)), kept=kept)
    except (KeptConfigurationError, ConfigError, EvidenceError) as error:
        log.error("configuration %d cannot be used: %s", version.number, error)  # noqa: TRY400
        if isinstance(kept, OnTrial):
            return usable(settings, store, roll_back(kept, str(error)))
        before = Settled(current=kept.previous, refused=kept.refused)
        return usable(settings, store, before)
