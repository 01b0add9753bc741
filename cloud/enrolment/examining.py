"""What `doctor` asks of enrolment: can gateways enrol, and does the broker hear of it.

Reads only; works beside a running server.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509

from cloud.config import Config
from cloud.enrolment.anchoring import load_authority
from cloud.enrolment.broker import is_listening
from device_registry.authority.profiles import ms_of

DAY_MS: Final = 86_400_000
AUTHORITY_LEFT_DAYS: Final = 180
CRL_LEFT_DAYS: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What there is to say; `remedy` is empty when all is well."""

    told: str
    remedy: str = ""


def examine_authority(config: Config, now_ms: int) -> Found:
    """Say for how long the authority is good; ConfigError when it cannot be used."""
    authority = load_authority(config)
    if authority is None:
        return Found(told="none: no gateway can enrol (coldwarden-cloud ca init makes one)")
    left_days = (ms_of(authority.certificate.not_valid_after_utc) - now_ms) // DAY_MS
    told = f"good for {left_days} days more"
    if left_days >= AUTHORITY_LEFT_DAYS:
        return Found(told=told)
    remedy = "fetch the root from its safe: coldwarden-cloud ca renew --root DIR"
    return Found(told=told, remedy=remedy)


def examine_broker(config: Config, now_ms: int) -> Found:
    """Say whether the broker can hear who may come."""
    files = config.broker
    if files is None:
        return Found(told="not written by this server")
    if not files.acl.exists() or not files.crl.exists():
        return Found(told=f"{files.acl} or {files.crl} is missing", remedy="start the server")
    left_days = _left_days(files.crl, now_ms)
    if left_days < CRL_LEFT_DAYS:
        remedy = "start the server: it writes a new one; the broker refuses everybody without"
        return Found(told=f"{files.crl} ends in {left_days} days", remedy=remedy)
    try:
        is_listening(int(files.pid_file.read_text()))
    except (OSError, ValueError) as error:
        remedy = f"start mosquitto with pid_file {files.pid_file}, under the same user"
        return Found(told=f"the broker is not found: {error}", remedy=remedy)
    return Found(told=f"told by {files.acl} and {files.crl}")


def _left_days(crl: Path, now_ms: int) -> int:
    try:
        read = x509.load_pem_x509_crl(crl.read_bytes())
    except ValueError:
        return 0
    end = read.next_update_utc
    return (ms_of(end) - now_ms) // DAY_MS if end else 0
