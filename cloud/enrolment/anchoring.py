"""The certificate authority of an installation, and what gateways pin of it."""

from cryptography.hazmat.primitives.serialization import Encoding

from cloud.config import Config
from cloud.core import Keys
from cloud.errors import ConfigError
from device_registry.authority.errors import AuthorityError
from device_registry.authority.issuing import Authority
from evidence.enrolment.anchors import Anchors


def load_authority(config: Config) -> Authority | None:
    """Return the online intermediate; None when `coldwarden-cloud ca init` was never run.

    Raises:
        ConfigError: it is there and cannot be used; with the remedy.
    """
    folder = config.enrolment.ca_dir
    if not folder.is_dir():
        return None
    try:
        return Authority.load(folder)
    except AuthorityError as error:
        raise ConfigError(f"{config.file}: [enrolment] ca: {error}") from error


def needed_authority(config: Config) -> Authority:
    """Return the online intermediate; ConfigError says how one is made when there is none."""
    authority = load_authority(config)
    if authority is None:
        raise ConfigError(
            f"{config.file}: no authority in {config.enrolment.ca_dir}; run: "
            "coldwarden-cloud ca init --root DIR"
        )
    return authority


def anchors_of(config: Config, keys: Keys, authority: Authority) -> Anchors:
    """Return what gateways pin: the root, the log's name and key, the control key."""
    return Anchors(
        root=authority.root.public_bytes(Encoding.DER),
        log_origin=config.log_name,
        log_key=keys.log.public,
        control_key=keys.control.public,
    )
