"""Answers the requests of devices: certificates by EST, evidence keys, anchors, rotations.

No sockets: `cloud.enrolment.http_app` brings the requests. Safe from several threads; a call
waits for the registry's database, so it is made in a thread. Whatever comes in is answered: a
mistake of the device with 4xx and the remedy, trouble of ours with 503.
"""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from cloud.enrolment import reply
from cloud.enrolment.call import Call, csr_der
from cloud.enrolment.limits import Buckets, Rate
from cloud.enrolment.reply import Reply
from device_registry.authority.csr import read_csr
from device_registry.authority.errors import CsrError
from device_registry.authority.issuing import Authority
from device_registry.enrolment import keeping, taking_on
from device_registry.enrolment.errors import EnrolmentRefusedError, Reason
from device_registry.errors import StoreUnavailableError
from device_registry.store.store import RegistryStore
from evidence.cose import Signer
from evidence.enrolment import anchors, answer, request, rotation
from evidence.enrolment.anchors import Anchors
from evidence.enrolment.answer import Enrolled
from evidence.enrolment.claim import from_base64url
from evidence.errors import WireError

EST: Final = "/.well-known/est/"
ROTATIONS: Final = rotation.path_of("")
REFUSALS_OF_ONE: Final = Rate(burst=20, every_s=3.0)
REFUSALS_OF_PEER: Final = Rate(burst=600, every_s=0.05)
"""An address may be a proxy with a fleet behind it: this bounds our work, not their number."""
RENEWALS: Final = Rate(burst=10, every_s=3600.0)
"""Of one gateway, good ones: each is a row of the registry for ever."""
_MAX_CONFIGURATION_BYTES: Final = 60_000
"""With it the answer still fits an envelope; a longer one comes with the first batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Where an enrolled gateway sends its batches; an empty address is not offered."""

    https_url: str = ""
    mqtt_host: str = ""
    mqtt_port: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the desk needs of the rest of the server; `mono_s` only grows."""

    control: Signer
    anchors: Anchors
    offer: Offer
    first_configuration: Callable[[str], bytes]
    """Returns the signed configuration message for a gateway, b"" when there is none."""
    changed: Callable[[], None]
    """Told after every key or certificate: the broker must let the gateway in."""
    wall_ms: Callable[[], int]
    mono_s: Callable[[], float]


class Desk:
    """See the module."""

    def __init__(
        self, store: RegistryStore, authority: Authority, surroundings: Surroundings
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._store = store
        self._authority = authority
        self._around = surroundings
        self._anchors = surroundings.anchors.encode()
        self._of_one = Buckets(REFUSALS_OF_ONE)
        self._of_peer = Buckets(REFUSALS_OF_PEER)
        self._renewals = Buckets(RENEWALS)
        self._lock = threading.Lock()  # of counts and buckets
        self._routes: Mapping[str, tuple[str, Callable[[Call], Reply]]] = {
            f"{EST}cacerts": ("GET", self._cacerts),
            f"{EST}simpleenroll": ("POST", self._certify),
            f"{EST}simplereenroll": ("POST", self._renew),
            anchors.PATH: ("GET", self._give_anchors),
            request.PATH: ("POST", self._take_on),
        }

    def serves(self, path: str) -> bool:
        """Return whether the desk answers requests to this path."""
        return path in self._routes or path.startswith((EST, ROTATIONS))

    def answer(self, call: Call) -> Reply:
        """Return the answer to a request; never raises on account of what is in it."""
        method, handler = self._routes.get(call.path, ("POST", self._rotate))
        if call.path.startswith(EST) and call.path not in self._routes:
            return self._count(reply.refused(404, "no such EST function", "use simpleenroll"))
        if call.method != method:
            said = f"method {call.method[:16]} is not allowed"
            allow = (b"allow", method.encode())
            return self._count(reply.refused(405, said, f"use {method}", allow))
        one = f"{call.peer} {call.credentials[0]} {call.path}"
        wait_s = self._wait_s(call.peer, one)
        if wait_s:
            return self._count(reply.too_many(wait_s))
        given = self._judged(handler, call)
        if 400 <= given.status < 500:
            self._note_refusal(call.peer, one)
        return self._count(given)

    def _judged(self, handler: Callable[[Call], Reply], call: Call) -> Reply:
        try:
            return handler(call)
        except EnrolmentRefusedError as error:
            return reply.refusal_of(error)
        except CsrError as error:
            what, _, remedy = str(error).rpartition("; ")
            return reply.refused(400, what, remedy)
        except WireError as error:
            return reply.refused(400, f"{error.code}: {error}", "see SPEC.md, Enrolment")
        except StoreUnavailableError:
            return reply.busy("the registry does not answer")

    # -- routes

    def _cacerts(self, _: Call) -> Reply:
        return reply.certificates(self._authority.chain)

    def _give_anchors(self, _: Call) -> Reply:
        return reply.signed(self._anchors, anchors.MEDIA_TYPE)

    def _certify(self, call: Call) -> Reply:
        credentials = _claim_credentials(*call.credentials)
        csr = read_csr(csr_der(call.body))
        now_ms = self._around.wall_ms()
        chain = taking_on.certify(self._store, self._authority, credentials, csr, now_ms)
        self._around.changed()
        return reply.certificates(tuple(chain))

    def _renew(self, call: Call) -> Reply:
        csr = read_csr(csr_der(call.body))
        wait_s = self._renewal_wait_s(call.credentials[0])
        if wait_s:
            return reply.too_often(wait_s)
        now_ms = self._around.wall_ms()
        chain = keeping.renew(self._store, self._authority, call.credentials, csr, now_ms)
        self._note_renewal(call.credentials[0])
        self._around.changed()
        return reply.certificates(tuple(chain))

    def _take_on(self, call: Call) -> Reply:
        taken = taking_on.take_on(self._store, call.body, self._around.wall_ms())
        self._around.changed()
        offer = self._around.offer
        enrolled = Enrolled(
            gateway=taken.gateway,
            site=taken.site,
            kid=taken.kid,
            https_url=offer.https_url,
            mqtt_host=offer.mqtt_host,
            mqtt_port=offer.mqtt_port,
            heartbeat_s=taken.heartbeat_s,
            configuration=self._first_configuration(taken.gateway),
        )
        return reply.signed(
            answer.sign_enrolled(enrolled, self._around.control), answer.MEDIA_TYPE
        )

    def _rotate(self, call: Call) -> Reply:
        gateway = call.path.removeprefix(ROTATIONS)
        wait_s = self._renewal_wait_s(gateway)
        if wait_s:
            return reply.too_often(wait_s)
        rotated = keeping.rotate(self._store, gateway, call.body, self._around.wall_ms())
        self._note_renewal(gateway)
        self._around.changed()
        signed = rotation.sign_rotated(rotated, self._around.control)
        return reply.signed(signed, rotation.ANSWER_MEDIA_TYPE)

    def _first_configuration(self, gateway: str) -> bytes:
        message = self._around.first_configuration(gateway)
        return message if len(message) <= _MAX_CONFIGURATION_BYTES else b""

    # -- limits

    def _wait_s(self, peer: str, one: str) -> float:
        now_s = self._around.mono_s()
        with self._lock:
            return max(self._of_peer.wait_s(peer, now_s), self._of_one.wait_s(one, now_s))

    def _note_refusal(self, peer: str, one: str) -> None:
        now_s = self._around.mono_s()
        with self._lock:
            self._of_peer.take(peer, now_s)
            self._of_one.take(one, now_s)

    def _renewal_wait_s(self, gateway: str) -> float:
        with self._lock:
            return self._renewals.wait_s(gateway, self._around.mono_s())

    def _note_renewal(self, gateway: str) -> None:
        with self._lock:
            self._renewals.take(gateway, self._around.mono_s())

    def _count(self, given: Reply) -> Reply:
        with self._lock:
            self.counts[str(given.status)] += 1
        return given


def _claim_credentials(user: str, password: str) -> tuple[bytes, bytes]:
    try:
        return bytes.fromhex(user), from_base64url(password)
    except (ValueError, WireError):
        raise EnrolmentRefusedError(
            Reason.UNKNOWN,
            "no such claim with this secret",
            "scan the QR again, or make a new claim on the page",
        ) from None
