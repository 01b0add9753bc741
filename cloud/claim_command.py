"""`coldwarden-cloud claim SITE GATEWAY`: a claim as text, as QR, and as a file for the SD card.

Hooked into `cloud.cli`. The technician's page does the same; this is for a server's console.
"""

import argparse
import json
import sys
import tomllib
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import segno

from cloud.config import Config, load_config
from cloud.core import wall_ms
from cloud.enrolment.anchoring import anchors_of, needed_authority
from cloud.errors import OperatorError
from cloud.opening import load_keys, open_registry_store
from device_registry.authority.key_file import write_new
from device_registry.enrolment.boot_file import FILE_NAME, boot_file
from device_registry.enrolment.claims import LIFE_MS, Server, Wish, make_claim
from device_registry.errors import RegistryError
from device_registry.store.audit import Actor
from evidence.enrolment.claim import Claim

DONE: Final = 0
OPERATOR: Final = Actor(account="operator", role="operator", via="cli")

Add = Callable[..., argparse.ArgumentParser]


def add_to(commands: Any, add: Add) -> None:  # noqa: ANN401 - argparse names no type for it
    """Add `claim`."""
    one = add(commands, "claim", _claim, "let one gateway enrol once within 24 hours")
    one.add_argument("site", metavar="SITE", help="id of the site")
    one.add_argument("gateway", metavar="GATEWAY", help="id of the gateway, new or known")
    one.add_argument(
        "--network", type=Path, metavar="FILE", help="TOML with [network], for the first boot"
    )
    one.add_argument(
        "--out", type=Path, metavar="DIR", help=f"write DIR/{FILE_NAME}: the SD card"
    )


def _claim(arguments: argparse.Namespace) -> int:
    config, now_ms = load_config(arguments.config), wall_ms()
    network = _network(arguments.network)
    wish = Wish(site=arguments.site, gateway=arguments.gateway, network=network)
    claim = _made(config, wish, now_ms)
    until = datetime.fromtimestamp((now_ms + LIFE_MS) / 1000, UTC).isoformat(timespec="minutes")
    made = {"claim": claim.text(), "until": until, "url": claim.url}
    if arguments.out is not None:
        made["file"] = str(_write(arguments.out / FILE_NAME, boot_file(claim, network)))
    if arguments.json:
        sys.stdout.write(json.dumps(made) + "\n")
        return DONE
    segno.make(claim.text(), error="m", micro=False).terminal(out=sys.stdout, compact=True)
    sys.stdout.writelines(f"{name:8} {value}\n" for name, value in made.items())
    sys.stdout.write("\nOn the gateway: coldwarden-gateway enrol CLAIM\n")
    return DONE


def _made(config: Config, wish: Wish, now_ms: int) -> Claim:
    pin = anchors_of(config, load_keys(config), needed_authority(config)).pin()
    with closing(open_registry_store(config)) as store:
        try:
            server = Server(url=config.enrolment.url, pin=pin)
            return make_claim(store, OPERATOR, wish, server, now_ms)
        except RegistryError as error:
            raise OperatorError(str(error)) from error


def _network(file: Path | None) -> Mapping[str, object]:
    if file is None:
        return {}
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise OperatorError(f"{file}: {error}; write it as TOML, with [network]") from error
    network = content.pop("network", {})
    if content or not isinstance(network, dict):
        raise OperatorError(f"{file}: only [network] may stand there")
    return network


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # an earlier claim, which has just been cancelled
    write_new(path, text.encode(), 0o600)
    return path
