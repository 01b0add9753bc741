"""A pharmacy whose gateway is put into service as in the field: by claim and certificate.

Over an `Installation`: our own certificate authority instead of throw-away certificates, the
registry's ACL instead of a pattern, and a gateway that knows nothing but its claim. What it
measures comes down from the registry, signed.
"""

import json
from dataclasses import dataclass
from typing import Final

from simulators.errors import SimulatorError
from simulators.installation import SITE, Installation
from simulators.mosquitto import mosquitto_path, write_config
from simulators.ports import free_port
from simulators.program import Program, run
from simulators.registry_document import Document, with_operator

USER, PASSWORD = "demo", "keep-it-cold-2026"
ROLES: Final = ("shop_manager", "quality_head", "technician")
LISTENER: Final = """\
pid_file {folder}/mosquitto.pid
listener {{port}} 127.0.0.1
cafile {ca}
crlfile {folder}/crl.pem
certfile {folder}/127.0.0.1.crt
keyfile {folder}/127.0.0.1.key
require_certificate true
use_identity_as_username true
tls_version tlsv1.2
allow_anonymous false
acl_file {folder}/acl
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """Where the gateway finds the cloud: links that can be cut. No broker: port 0."""

    http_port: int
    broker_port: int = 0


def prepare(built: Installation, registry: Document, reached: Reached, cloud: str = "") -> None:
    """Make a cloud that knows the pharmacy, and a device that knows nothing.

    Args:
        built: where; nothing of it runs.
        registry: what the registry holds, the gateway in state `ordered`.
        reached: the addresses that the claim and the enrolment name.
        cloud: more sections of cloud.toml.
    """
    built.folder.mkdir(parents=True, exist_ok=True)
    run(["coldwarden-cloud", "init", str(built.folder)])
    more = f'[enrolment]\nurl = "http://127.0.0.1:{reached.http_port}"\n'
    if reached.broker_port:
        more += f'mqtt_host = "127.0.0.1"\nmqtt_port = {reached.broker_port}\n'
    # One person plays everybody here; in service, roles that sign ask for a second factor.
    built.write_cloud(f"{more}\n[access]\nsecond_factor = false\n\n{cloud}")
    built.cloud_command("ca", "init", "--root", str(built.folder / "root"))
    if built.mqtt:
        _make_broker(built)
    built.register(with_operator(registry, built.token))
    _add_person(built)
    built.cloud_command("configure", built.gateway_id)
    _write_device(built)


def enrol(built: Installation) -> None:
    """Put the device into service under a new claim; the cloud runs."""
    made = json.loads(built.cloud_command("claim", SITE, built.gateway_id, "--json"))
    config = ["--config", str(built.gateway_toml)]
    run(["coldwarden-gateway", "enrol", str(made["claim"]), *config])


def _add_person(built: Installation) -> None:
    roles = [option for role in ROLES for option in ("--role", role)]
    titled = ["--title", "春和堂", "--organisation", "chs", "--over", "chs"]
    built.cloud_command(
        "user", "add", USER, *roles, *titled, "--password-stdin", said=f"{PASSWORD}\n"
    )


def _write_device(built: Installation) -> None:
    pace = built.pace
    built.gateway_toml.parent.mkdir(parents=True, exist_ok=True)
    built.gateway_toml.write_text(
        f"""\
[gateway]
state_dir = "state"

[clock]
vouched = true

[uplink]
answer_timeout_s = {pace.answer_timeout_s}
backoff_max_s = {pace.backoff_max_s}
backlog_batches_per_s = {pace.backlog_batches_per_s}
stop_grace_s = {pace.stop_grace_s}
"""
    )


def _make_broker(built: Installation) -> None:
    """Write Mosquitto's configuration; the cloud writes its ACL and CRL before it starts."""
    program = mosquitto_path()
    if program is None:
        raise SimulatorError("Mosquitto is not installed; leave out --mqtt, or install it")
    folder = built.folder / "broker"
    folder.mkdir(parents=True, exist_ok=True)
    built.broker_port = built.broker_port or free_port()
    built.cloud_command("ca", "server", "127.0.0.1", "localhost", "--out", str(folder))
    built.cloud_command("ca", "client", "ingest", "--out", str(folder))
    authority = built.folder / "keys" / "ca"
    listener = LISTENER.format(folder=folder, ca=authority / "clients-ca.pem")
    config = write_config(folder, listener, built.broker_port)
    log = built.folder / "log" / "mosquitto.log"
    built.broker = Program("mosquitto", [program, "-c", str(config)], log)
    built.write_cloud(
        f"""
[mqtt]
host = "127.0.0.1"
port = {built.broker_port}
ca = "{authority / "root.crt"}"
cert = "{folder}/ingest.crt"
key = "{folder}/ingest.key"

[broker]
acl = "{folder}/acl"
crl = "{folder}/crl.pem"
pid_file = "{folder}/mosquitto.pid"
"""
    )
