"""One pharmacy, one gateway, one cloud in a folder: made with the real programs' own commands.

Used by the demo and by the fault tests. An auditor takes `DIR/archive` and `DIR/trust`.

    DIR/cloud.toml registry.db archive/ trust/ keys/ state/     the cloud
    DIR/gateway/gateway.toml state/                               the gateway
    DIR/broker/                                                   Mosquitto, if it is used
    DIR/log/                                                      what the programs print
"""

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from evidence.keys import PublicKey
from evidence.trust import load_trust
from simulators.certificates import Authority
from simulators.errors import SimulatorError
from simulators.mosquitto import mosquitto_path, tls_listener, write_config
from simulators.ports import free_port
from simulators.program import Program, run
from simulators.registry_document import Document, with_key, with_operator

GATEWAY = "gw-demo-01"
SITE = "chs-001"


def _new_token() -> str:
    return f"cwt_{secrets.token_hex(8)}_{secrets.token_urlsafe(32)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast everything goes; times in seconds. The defaults are the field's own."""

    period_s: float = 10.0
    seal_s: float = 60.0
    answer_timeout_s: float = 10.0
    backoff_max_s: float = 300.0
    backlog_batches_per_s: float = 20.0
    stop_grace_s: float = 20.0


@dataclass(slots=True, kw_only=True)
class Installation:
    """See the module. Ports are chosen when it is made and kept over restarts."""

    folder: Path
    pace: Pace = field(default_factory=Pace)
    mqtt: bool = False
    gateway_id: str = GATEWAY
    cloud_port: int = field(default_factory=free_port)
    broker_port: int = 0
    sensor_broker_port: int = field(default_factory=free_port)
    cloud: Program = field(init=False)
    gateway: Program = field(init=False)
    broker: Program | None = field(init=False, default=None)
    authority: Authority | None = field(init=False, default=None)
    token: str = field(default_factory=_new_token, repr=False)

    def __post_init__(self) -> None:
        log = self.folder / "log"
        config = ["--config", str(self.folder / "cloud.toml")]
        self.cloud = Program("cloud", ["coldwarden-cloud", "run", *config], log / "cloud.log")
        config = ["--config", str(self.gateway_toml)]
        command = ["coldwarden-gateway", "run", *config]
        self.gateway = Program("gateway", command, log / "gateway.log")

    @property
    def gateway_toml(self) -> Path:
        """Return the gateway's configuration file."""
        return self.folder / "gateway" / "gateway.toml"

    @property
    def outbox(self) -> Path:
        """Return the folder that holds the gateway's outbox."""
        return self.folder / "gateway" / "state"

    @property
    def gateway_status(self) -> Path:
        """Return the gateway's status file."""
        return self.folder / "gateway" / "state" / "status.json"

    @property
    def archive(self) -> Path:
        """Return the cloud's archive."""
        return self.folder / "archive"

    @property
    def trust(self) -> Path:
        """Return the folder of pinned keys."""
        return self.folder / "trust"

    @property
    def url(self) -> str:
        """Return where the pages are."""
        return f"http://127.0.0.1:{self.cloud_port}"

    @property
    def as_operator(self) -> dict[str, str]:
        """Return the header by which a script is let in."""
        return {"Authorization": f"Bearer {self.token}"}

    def make(
        self, sources: str, registry: Document, *, uplink: tuple[str, int], cloud: str = ""
    ) -> None:
        """Set everything up.

        `sources` is the gateway's configuration of its sensors, `registry` what the registry
        holds, `uplink` where the gateway finds the cloud (a link that can be cut, perhaps),
        `cloud` more sections of cloud.toml. The gateway's key is entered as an operator would
        who knows it; `enrol` is the other way.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        run(["coldwarden-cloud", "init", str(self.folder)])
        tls = self._make_broker() if self.mqtt else None
        self.write_cloud(cloud, tls)
        self._write_gateway(sources, uplink, tls)
        made = run(["coldwarden-gateway", "init", "--json", "--config", str(self.gateway_toml)])
        key = PublicKey.from_text(str(json.loads(made)["key"]))
        with_people = with_operator(registry, self.token)
        self.register(with_key(with_people, self.gateway_id, key))

    def cloud_command(self, *arguments: str, said: str = "") -> str:
        """Run `coldwarden-cloud` on this installation and return what it printed."""
        config = ["--config", str(self.folder / "cloud.toml")]
        return run(["coldwarden-cloud", *arguments, *config], said=said)

    def register(self, registry: Document) -> None:
        """Import into the registry."""
        file = self.folder / "registry.json"
        file.write_text(json.dumps(registry, ensure_ascii=False))
        self.cloud_command("registry", "import", str(file), "--apply")

    def stop(self) -> None:
        """End whatever still runs, the gateway first."""
        for program in (self.gateway, self.cloud, self.broker):
            if program is not None:
                program.stop()

    def write_cloud(self, more: str, tls: "Tls | None" = None) -> None:
        """Add settings to cloud.toml."""
        file = self.folder / "cloud.toml"
        text = file.read_text()
        lines = [line for line in text.splitlines() if not line.startswith("port =")]
        text = "\n".join(lines).replace("[server]", f"[server]\nport = {self.cloud_port}", 1)
        if "[server]" not in text:
            text += f"\n[server]\nport = {self.cloud_port}\n"
        if tls is not None:
            text += f'\n[mqtt]\nhost = "127.0.0.1"\nport = {self.broker_port}\n{tls.cloud}'
        file.write_text(f"{text}\n{more}\n")

    def _write_gateway(self, sources: str, uplink: tuple[str, int], tls: "Tls | None") -> None:
        trust = load_trust(self.trust)
        origin, log_key = next(iter(trust.logs.items()))
        pace = self.pace
        mode = "https" if tls is None else "mqtt"
        host, port = uplink
        way = f'https_url = "http://{host}:{port}"\n'
        if tls is not None:
            way = f'mqtt_host = "{host}"\nmqtt_port = {port}\n{tls.gateway}'
        self.gateway_toml.parent.mkdir(parents=True, exist_ok=True)
        self.gateway_toml.write_text(
            f"""\
[gateway]
id = "{self.gateway_id}"
site = "{SITE}"
state_dir = "state"

[trust]
log_origin = "{origin}"
log_key = "{log_key.to_text()}"
control_key = "{trust.control.to_text()}"

[clock]
vouched = true

[seal]
period_s = {pace.seal_s}

[uplink]
mode = "{mode}"
{way}answer_timeout_s = {pace.answer_timeout_s}
backoff_max_s = {pace.backoff_max_s}
backlog_batches_per_s = {pace.backlog_batches_per_s}
stop_grace_s = {pace.stop_grace_s}

[broker]
listen = "127.0.0.1:{self.sensor_broker_port}"

{sources}"""
        )

    def _make_broker(self) -> "Tls":
        program = mosquitto_path()
        if program is None:
            raise SimulatorError("Mosquitto is not installed; leave out --mqtt, or install it")
        folder = self.folder / "broker"
        folder.mkdir(parents=True, exist_ok=True)
        self.broker_port = self.broker_port or free_port()
        authority = self.authority = Authority(folder / "certificates")
        config = write_config(folder, tls_listener(folder, authority), self.broker_port)
        log = self.folder / "log" / "mosquitto.log"
        self.broker = Program("mosquitto", [program, "-c", str(config)], log)
        return Tls.of(authority, self.gateway_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """The lines that name certificates in both configurations."""

    cloud: str
    gateway: str

    @classmethod
    def of(cls, authority: Authority, gateway: str) -> "Tls":
        """Issue a certificate to the cloud's ingest and one to the gateway."""
        ingest, own = authority.client("ingest"), authority.client(gateway)
        return cls(
            cloud=f'ca = "{ingest.ca}"\ncert = "{ingest.cert}"\nkey = "{ingest.key}"\n',
            gateway=(
                f'mqtt_ca = "{own.ca}"\nmqtt_cert = "{own.cert}"\nmqtt_key = "{own.key}"\n'
            ),
        )
