"""What keeps a running gateway enrolled: its certificate is renewed, and a new key is noticed.

Used by `gateway_firmware_py.compose` as a task. The network and the disk are asked in a thread.
Nothing here stops a gateway from recording: what fails is logged, and tried again in an hour.
"""

import asyncio
import logging
from collections.abc import Callable
from time import monotonic
from typing import Final

from evidence.errors import EvidenceError
from gateway_firmware_py.config.settings import Settings
from gateway_firmware_py.enrolment import folder
from gateway_firmware_py.enrolment.folder import enrolment_folder
from gateway_firmware_py.errors import FirmwareError
from gateway_firmware_py.identity import EvidenceKey
from gateway_firmware_py.key_place import marker

log = logging.getLogger(__name__)

LOOK_S: Final = 2.0
CHECK_S: Final = 3600.0

Mark = tuple[int, int] | None
"""Which file stands at a path: its inode and time of change, None when there is none."""


async def keep_enrolled(
    settings: Settings, key: EvidenceKey, begin_again: Callable[[], None]
) -> None:
    """Look after the enrolment until cancelled.

    Args:
        settings: of the gateway that runs.
        key: its evidence key.
        begin_again: called when another evidence key or enrolment is in place than the one this
            program began with; it shall end in order and be begun again.
    """
    began, checked_s = _marks(settings), -CHECK_S
    while True:
        now = await asyncio.to_thread(_marks, settings)
        if now != began:
            began = now
            log.warning("the evidence key or the enrolment changed: the gateway begins again")
            begin_again()
        if monotonic() - checked_s >= CHECK_S:
            checked_s = monotonic()
            await asyncio.to_thread(_renew, settings, key)
        await asyncio.sleep(LOOK_S)


def _marks(settings: Settings) -> tuple[Mark, Mark]:
    identity = settings.identity
    store = enrolment_folder(identity.state_dir)
    paths = (marker(identity.key), store.path / folder.CLAIM)
    marks: list[Mark] = []
    for path in paths:
        try:
            status = path.stat()
            marks.append((status.st_ino, status.st_mtime_ns))
        except OSError:
            marks.append(None)
    return marks[0], marks[1]


def _renew(settings: Settings, key: EvidenceKey) -> None:
    if enrolment_folder(settings.identity.state_dir).read(folder.TLS) is None:
        return
    # Only a gateway that was enrolled here loads the machinery of certificates.
    from gateway_firmware_py.enrolment.renewal import renew_if_due  # noqa: PLC0415
    from gateway_firmware_py.enrolment.standing import enrolled_gateway  # noqa: PLC0415

    try:
        if renew_if_due(enrolled_gateway(settings), key):
            log.info("the TLS certificate is renewed; the next connection uses it")
    except (FirmwareError, EvidenceError) as error:
        log.warning("the TLS certificate is not renewed: %s", error)
