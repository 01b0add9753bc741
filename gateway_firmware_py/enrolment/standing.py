"""What an enrolled gateway knows of itself, from its configuration and its claim."""

from contextlib import suppress

from edge.outbox.peek import chain_place
from evidence.errors import WireError
from evidence.segment import Found
from evidence.segment_file import list_segments, open_segment
from gateway_firmware_py.config.settings import Settings
from gateway_firmware_py.enrolment.enrol import under_claim
from gateway_firmware_py.enrolment.folder import TLS, enrolment_folder
from gateway_firmware_py.enrolment.renewal import Enrolled
from gateway_firmware_py.enrolment.rotation import Last
from gateway_firmware_py.enrolment.tls_identity import read_tls_identity
from gateway_firmware_py.errors import EnrolmentError


def enrolled_gateway(settings: Settings) -> Enrolled:
    """Return the gateway, and how the cloud's enrolment routes are reached.

    Raises:
        EnrolmentError: it was never enrolled under a claim.
    """
    identity, https = settings.identity, settings.uplink.https
    claim = under_claim(enrolment_folder(identity.state_dir))
    if claim.get("gateway") != identity.gateway:
        remedy = "make a claim on the page, then: coldwarden-gateway enrol CLAIM"
        raise EnrolmentError(f"{identity.gateway} is not enrolled under a claim; {remedy}")
    return Enrolled(
        gateway=identity.gateway,
        site=identity.site,
        state_dir=identity.state_dir,
        url=https.url if https is not None else claim.get("url", ""),
        proxy=https.proxy if https is not None else "",
    )


def certificate_life(settings: Settings) -> tuple[float, float]:
    """Return from when to when the TLS certificate is good, as Unix times.

    Raises:
        EnrolmentError: there is none, or it is damaged; with the remedy.
    """
    store = enrolment_folder(settings.identity.state_dir)
    identity = read_tls_identity(store.need(TLS))
    return identity.not_before_s, identity.not_after_s


def last_signed(settings: Settings) -> Last:
    """Return epoch and seq of the newest batch on the disk, if there is one.

    May be called beside the running gateway, whose next batches come after it.
    """
    outbox = settings.identity.state_dir / "outbox"
    for path in reversed(list_segments(outbox) if outbox.is_dir() else ()):
        last: Last = None
        for item in open_segment(path).walk():
            if isinstance(item, Found):
                with suppress(WireError):
                    last = chain_place(item.payload)
        if last is not None:
            return last
    return None
