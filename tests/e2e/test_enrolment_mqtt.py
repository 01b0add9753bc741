"""From nothing to receipts over a real Mosquitto with mutual TLS, by the programs themselves.

An authority, a broker whose files the server writes, a claim, a gateway that enrols and sends;
then its key is revoked, and the broker that runs all the while shuts it out.
"""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509

from device_registry.store.audit import Actor
from device_registry.store.store import RegistryStore
from simulators.program import Program, run
from tests.support.engines import engine
from tests.support.ports import free_port
from tests.support.wait import until_sync

pytestmark = pytest.mark.engine

GATEWAY = "gw-0001"
NAMED = {"name_zh": "名", "name_en": "Name"}
OF = {"region": "510000", "subject_class": "retail"}
REGISTRY = {
    "region": [{"id": "510000", "level": "province", **NAMED}],
    "organisation": [{"id": "chs", **OF, **NAMED}],
    "site": [
        {"id": "chs-001", "organisation": "chs", "timezone": "Asia/Shanghai", **OF, **NAMED}
    ],
}
CLOUD = """
[mqtt]
host = "localhost"
port = {port}
ca = "keys/ca/root.crt"
cert = "tls/ingest.crt"
key = "tls/ingest.key"

[enrolment]
mqtt_host = "localhost"
mqtt_port = {port}

[broker]
acl = "tls/acl"
crl = "tls/crl.pem"
pid_file = "tls/pid"
"""
MOSQUITTO = """\
per_listener_settings true
user root
pid_file {cloud}/tls/pid
listener {port} 127.0.0.1
cafile {cloud}/keys/ca/clients-ca.pem
certfile {cloud}/tls/localhost.crt
keyfile {cloud}/tls/localhost.key
crlfile {cloud}/tls/crl.pem
acl_file {cloud}/tls/acl
require_certificate true
use_identity_as_username true
allow_anonymous false
"""
WAIT_S = 60


@dataclass(slots=True)
class Installation:
    """The folder, and the three programs."""

    folder: Path
    cloud: Program
    broker: Program
    gateway: Program

    @property
    def config(self) -> list[str]:
        """Return how the cloud's commands find their configuration."""
        return ["--config", str(self.folder / "cloud" / "cloud.toml")]

    def status(self) -> dict[str, object]:
        """Return what the gateway says of its outbox; {} before it says anything."""
        file = self.folder / "gw" / "state" / "status.json"
        try:
            outbox = json.loads(file.read_text())["outbox"]
        except (OSError, ValueError, KeyError):
            return {}
        return dict(outbox)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Installation]:
    cloud, port = tmp_path / "cloud", free_port()
    run(["coldwarden-cloud", "init", str(cloud), "--port", str(free_port())])
    config = ["--config", str(cloud / "cloud.toml")]
    run(["coldwarden-cloud", "ca", "init", *config, "--root", str(tmp_path / "stick")])
    out = ["--out", str(cloud / "tls")]
    run(["coldwarden-cloud", "ca", "server", "localhost", *config, *out])
    run(["coldwarden-cloud", "ca", "client", "ingest", *config, *out])
    with (cloud / "cloud.toml").open("a") as file:
        file.write(CLOUD.format(port=port))
    (tmp_path / "registry.json").write_text(json.dumps(REGISTRY))
    document = str(tmp_path / "registry.json")
    run(["coldwarden-cloud", "registry", "import", document, "--apply", *config])
    (tmp_path / "mosquitto.conf").write_text(MOSQUITTO.format(cloud=cloud, port=port))
    gateway = ["coldwarden-gateway", "run", "--config", str(tmp_path / "gw" / "gateway.toml")]
    broker = [engine("mosquitto"), "-v", "-c", str(tmp_path / "mosquitto.conf")]
    one = Installation(
        tmp_path,
        Program("cloud", ["coldwarden-cloud", "run", *config], tmp_path / "cloud.log"),
        Program("mosquitto", broker, tmp_path / "mosquitto.log"),
        Program("gateway", gateway, tmp_path / "gateway.log"),
    )
    with ExitStack() as programs:
        programs.callback(one.broker.stop)
        programs.callback(one.cloud.stop)
        programs.callback(one.gateway.kill)  # shut out, it would wait for receipts in vain
        yield one


def test_a_gateway_enrols_sends_and_is_shut_out_over_a_real_broker(made: Installation) -> None:
    made.cloud.start()
    until_sync(lambda: "serving" in made.cloud.tail(), WAIT_S, "the cloud")
    made.broker.start()
    claimed = run(["coldwarden-cloud", "claim", "chs-001", GATEWAY, "--json", *made.config])
    folder = made.folder / "gw"
    folder.mkdir()
    toml = folder / "gateway.toml"
    own = ["--config", str(toml), "--state-dir", str(folder / "state")]
    run(["coldwarden-gateway", "enrol", json.loads(claimed)["claim"], *own])
    text = toml.read_text().replace('mode = "auto"', 'mode = "mqtt"')
    toml.write_text(f"{text}\n[seal]\nperiod_s = 2\n\n[clock]\nvouched = true\n")
    made.gateway.start()
    until_sync(lambda: _receipted(made.status()) > 1, WAIT_S, "receipts over MQTT")
    revoke(made.folder / "cloud" / "registry.db")
    log = made.folder / "mosquitto.log"
    denied = f"Denied PUBLISH from cw-{GATEWAY}"
    until_sync(lambda: denied in log.read_text(), WAIT_S, "the broker to shut it out")
    crl = x509.load_pem_x509_crl((made.folder / "cloud" / "tls" / "crl.pem").read_bytes())
    assert len(list(crl)) == 1
    made.broker.check()


def _receipted(outbox: dict[str, object]) -> int:
    held, waiting = outbox.get("held"), outbox.get("unreceipted")
    return held - waiting if isinstance(held, int) and isinstance(waiting, int) else 0


def revoke(database: Path) -> None:
    """Revoke the gateway's key as two people do on the page: by its state in the registry."""

    def now_ms() -> int:
        return time.time_ns() // 1_000_000

    store = RegistryStore.open(f"sqlite:///{database}", now_ms=now_ms)
    with store.change(Actor(account="lead"), "stolen", now_ms()) as change:
        (key,) = change.find("key", where={"gateway": GATEWAY})
        change.put("key", key.id, state="revoked")
    store.close()
