"""How Mosquitto is set up between gateways and the cloud, and whether it is installed.

Mutual TLS; the certificate's common name is the user name; an ACL ties it to its own topics.
Used by the demo and by the tests' broker.
"""

import shutil
from pathlib import Path

from simulators.certificates import Authority

PLACES = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/sbin"
PERSISTENCE = """\
persistence true
persistence_location {folder}/
autosave_interval 1
autosave_on_changes true
"""
LIMITS = """\
max_queued_messages 100000
max_inflight_messages 1000
"""
TLS_LISTENER = """\
listener {port} 127.0.0.1
cafile {ca}
certfile {cert}
keyfile {key}
require_certificate true
use_identity_as_username true
tls_version tlsv1.2
allow_anonymous false
acl_file {acl}
"""
# A gateway writes only its own `up`, reads only its own `down`; the cloud's name is `ingest`.
ACL = """\
pattern write cw/1/%u/up
pattern read cw/1/%u/down

user ingest
topic readwrite cw/1/#
"""


def mosquitto_path() -> str | None:
    """Return where Mosquitto is installed, or None."""
    return shutil.which("mosquitto", path=PLACES)


def tls_listener(folder: Path, authority: Authority) -> str:
    """Write certificates and ACL into `folder`; return the listener block, `{port}` open."""
    server = authority.server()
    acl = folder / "acl"
    acl.touch(mode=0o600)
    acl.write_text(ACL)
    return TLS_LISTENER.format(
        port="{port}", ca=server.ca, cert=server.cert, key=server.key, acl=acl
    )


def write_config(folder: Path, listener: str, port: int) -> Path:
    """Write and return mosquitto.conf; it must not change its user when we are root."""
    parts = ["per_listener_settings true\nuser root\n", PERSISTENCE, LIMITS, listener]
    config = folder / "mosquitto.conf"
    config.write_text("".join(parts).format(folder=folder, port=port))
    return config
