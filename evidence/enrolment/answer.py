"""The cloud takes a gateway on: where to send, how often, and its first configuration.

Signed by the control key, which the gateway pinned with the anchors.
"""

from dataclasses import dataclass
from typing import Final

from evidence import cbor, cose
from evidence.cose import KID_BYTES
from evidence.enrolment import envelope, fields
from evidence.enrolment.envelope import Parties
from evidence.errors import WireError
from evidence.keys import PublicKey

NAME: Final = "enrolled"
MEDIA_TYPE: Final = envelope.typ_of(NAME)
MAX_PORT: Final = 65535
MAX_HEARTBEAT_S: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """`kid` is the evidence key that was taken on; an empty address means: not offered.

    `configuration` is a signed configuration message (`evidence.outcome`), or b"" when there is
    none yet. `mqtt_port` is 0 when `mqtt_host` is empty.

    Raises:
        WireError: "field" when a part is not what its name says.
    """

    gateway: str
    site: str
    kid: bytes
    https_url: str = ""
    mqtt_host: str = ""
    mqtt_port: int = 0
    heartbeat_s: int = 60
    configuration: bytes = b""

    def __post_init__(self) -> None:
        Parties(gateway=self.gateway, site=self.site)
        fields.check_sized(self.kid, KID_BYTES, "key id")
        if self.https_url:
            fields.check_url(self.https_url, "server address")
        fields.check_host(self.mqtt_host, "broker")
        fields.check_number(self.mqtt_port, "port", MAX_PORT)
        fields.check_number(self.heartbeat_s, "heartbeat", MAX_HEARTBEAT_S)
        if bool(self.mqtt_host) != bool(self.mqtt_port) or not self.heartbeat_s:
            raise WireError("field", "broker without a port, or a heartbeat of 0 s")


def sign_enrolled(answer: Enrolled, control: cose.Signer) -> bytes:
    """Return the answer, signed by the control key."""
    payload = cbor.encode(
        [
            answer.kid,
            answer.https_url,
            answer.mqtt_host,
            answer.mqtt_port,
            answer.heartbeat_s,
            answer.configuration,
        ]
    )
    parties = Parties(gateway=answer.gateway, site=answer.site)
    return envelope.seal(NAME, payload, control, parties)


def read_enrolled(data: bytes, control_key: PublicKey) -> Enrolled:
    """Return the answer that the cloud signed; whom it is for is the caller's to compare.

    Raises:
        WireError: "signature", "profile", "size", "cbor", "canonical" or "field".
    """
    parties, payload = envelope.unseal(NAME, data, control_key)
    match envelope.flat_list(payload, 6, NAME):
        case [
            bytes() as kid,
            str() as https_url,
            str() as mqtt_host,
            int() as mqtt_port,
            int() as heartbeat_s,
            bytes() as configuration,
        ]:
            return Enrolled(
                gateway=parties.gateway,
                site=parties.site,
                kid=kid,
                https_url=https_url,
                mqtt_host=mqtt_host,
                mqtt_port=mqtt_port,
                heartbeat_s=heartbeat_s,
                configuration=configuration,
            )
        case _:
            raise WireError("field", "an item of the answer has another type")
