"""Wires the server together: the only place where configuration becomes running parts."""

import time
from collections.abc import Mapping
from functools import partial
from hashlib import sha256
from typing import cast

from fastapi import FastAPI

from cloud.access.door import Door
from cloud.access.gate import Gate
from cloud.access.guarded import guarded_app
from cloud.access.identities import AccountIdentities
from cloud.access.openapi_route import openapi_router
from cloud.access.router import access_router
from cloud.access.ways import OtherWays, Ways
from cloud.archive.backup_record import decode_backup
from cloud.config import Config
from cloud.configuring.service import Configuring
from cloud.core import Core, wall_ms
from cloud.enrolment.anchoring import anchors_of, load_authority
from cloud.enrolment.broker import BrokerAccess, BrokerConfig
from cloud.enrolment.desk import Desk, Offer, Surroundings
from cloud.enrolment.http_app import App, EnrolmentApp
from cloud.ingest.http_app import IngestApp
from cloud.ingest.mqtt import MqttTransport
from cloud.opening import open_core, submit_card
from cloud.pages.server_routes import server_router
from cloud.people_pages.audit_proof import AuditProofs
from cloud.people_pages.router import people_router
from cloud.readside import ReadSide
from cloud.registry_pages.files import FileFolder
from cloud.registry_pages.router import registry_router
from cloud.registry_pages.sources import Sources
from cloud.server import Parts, Server
from cloud.spool import Spool
from device_registry.accounts.accounts import Accounts
from device_registry.authority.issuing import Authority
from device_registry.enrolment.claims import Server as ClaimServer
from device_registry.expiry.chasing import messages
from evidence.outcome import split_sequence
from evidence.record import RecordKind


def open_server(config: Config) -> Server:
    """Return the whole server, not started; errors as `open_core`."""
    core = open_core(config)
    reads = ReadSide(core)
    configuring = Configuring(core)
    authority = load_authority(config)
    broker = _broker(config, core, authority)
    app: App = cast("App", _pages(config, core, reads, authority))
    if authority is not None:
        app = EnrolmentApp(app, _desk(config, core, authority, configuring, broker))
    return Server(
        core=core,
        parts=Parts(reads=reads, configuring=configuring, broker=broker),
        app=IngestApp(app, core.intake, core.keyring, core.answers),
        mqtt=_mqtt(config, core),
        spool=_spool(config, core),
    )


def _pages(config: Config, core: Core, reads: ReadSide, authority: Authority | None) -> FastAPI:
    accounts = Accounts.over(core.store, needs_second_factor=config.second_factor)
    gate = Gate(AccountIdentities(accounts), core.store.get, wall_ms)
    other = _other_ways(config)
    ways = Ways(
        accounts=accounts,
        now_ms=wall_ms,
        door=Door(accounts.sessions),
        sms=other.sms,
        providers=other.providers,
        base_url=config.base_url,
        open_alarms=reads.open_alarms_of,
    )
    if other.sms is not None:
        core.rounds.send_by(other.sms, partial(messages, accounts))
    claims = None
    if authority is not None:
        anchors = anchors_of(config, core.keys, authority)
        claims = ClaimServer(url=config.enrolment.url, pin=anchors.pin())
    sources = Sources(
        store=core.store,
        now_ms=wall_ms,
        files=FileFolder(config.state_dir / "files"),
        server=claims,
        newest=reads.newest,
        gateway_now=reads.gateway_now,
        open_alarms=reads.open_alarms_at,
        changed=core.watch.poke,
    )
    routers = [
        reads.router,
        server_router(reads.status),
        access_router(ways),
        registry_router(sources),
        people_router(accounts, AuditProofs(core.stream, core.keys.log.public).find),
    ]
    return guarded_app(gate, [*routers, openapi_router(routers)])


def _other_ways(config: Config) -> OtherWays:
    if config.providers is None:
        return OtherWays()
    # An HTTP client, and more with it: only where somebody logs in through a provider.
    from cloud.access.provider_file import read_provider_file  # noqa: PLC0415

    return read_provider_file(config.providers)


def _desk(
    config: Config,
    core: Core,
    authority: Authority,
    configuring: Configuring,
    broker: BrokerAccess | None,
) -> Desk:
    enrolment = config.enrolment

    def changed() -> None:
        core.watch.poke()
        if broker is not None:
            broker.poke()

    return Desk(
        core.store,
        authority,
        Surroundings(
            control=core.keys.control,
            anchors=anchors_of(config, core.keys, authority),
            offer=Offer(
                https_url=enrolment.url,
                mqtt_host=enrolment.mqtt_host,
                mqtt_port=enrolment.mqtt_port if enrolment.mqtt_host else 0,
            ),
            first_configuration=configuring.offers.first_configuration,
            changed=changed,
            wall_ms=wall_ms,
            mono_s=time.monotonic,
        ),
    )


def _broker(config: Config, core: Core, authority: Authority | None) -> BrokerAccess | None:
    if config.broker is None or authority is None:
        return None
    files = BrokerConfig(
        acl=config.broker.acl, crl=config.broker.crl, pid_file=config.broker.pid_file
    )
    return BrokerAccess(files, core.store, authority, wall_ms)


def _mqtt(config: Config, core: Core) -> MqttTransport | None:
    if config.mqtt is None:
        return None
    # The same name at every start: the broker then keeps our session while we are away.
    client_id = f"coldwarden-{sha256(config.log_name.encode()).hexdigest()[:12]}"
    return MqttTransport(config.mqtt, client_id, core.intake, core.keyring, core.answers)


def _spool(config: Config, core: Core) -> Spool:
    def backup(data: bytes) -> Mapping[str, int]:
        decode_backup(data)
        core.sequencer.record(RecordKind.BACKUP, data)
        return {"entered": 1}

    def from_card(data: bytes) -> Mapping[str, int]:
        return submit_card(core, split_sequence(data))

    return Spool(config.state_dir, {"backup": backup, "card": from_card})
