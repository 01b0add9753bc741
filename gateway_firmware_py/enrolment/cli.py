"""The commands by which a gateway is put into service: enrol, rotate, network."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.web_address import is_proxy
from gateway_firmware_py.config.read import DEFAULT_KEY, load_settings
from gateway_firmware_py.enrolment.gateway_toml import read_plan
from gateway_firmware_py.errors import ConfigError, EnrolmentError
from gateway_firmware_py.key_place import read_place

if TYPE_CHECKING:
    from evidence.enrolment.answer import Enrolled
    from gateway_firmware_py.enrolment.boot_file import BootFile
    from gateway_firmware_py.enrolment.enrol import Device

OK = 0
BOOT_FILE = Path("/boot/firmware/coldwarden-claim.toml")
STATE_DIR = "/var/lib/coldwarden"
CONNECTIONS = Path("/etc/NetworkManager/system-connections")


def add_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    shared: argparse.ArgumentParser,
) -> None:
    """Add the commands of this module."""

    def add(name: str, command: Callable[[Any], int], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, parents=[shared], help=text, description=text)
        added.set_defaults(command=command)
        return added

    by_claim = add("enrol", enrol, "put this device into service under a claim")
    by_claim.add_argument(
        "claim", nargs="?", default="", help="the text of the QR: cw1:…; - reads it"
    )
    _add_boot_file(by_claim)
    by_claim.add_argument(
        "--state-dir", default="", help=f"where state is kept (default: {STATE_DIR})"
    )
    by_claim.add_argument(
        "--key", default="", help=f"file or pkcs11: URI (default: {DEFAULT_KEY})"
    )
    by_claim.add_argument("--new-key", action="store_true", help="make another evidence key")
    by_claim.add_argument("--proxy", default="", help="http://host:port, for https")
    add("rotate", rotate, "change the evidence key; the running gateway begins again with it")
    network = add("network", network_from_boot_file, "set up the network from the boot file")
    _add_boot_file(network)
    network.add_argument(
        "--connections", type=Path, default=CONNECTIONS, help="NetworkManager's keyfiles"
    )


def _add_boot_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--boot-file",
        type=Path,
        nargs="?",
        const=BOOT_FILE,
        help=f"read the file on the boot partition (default: {BOOT_FILE}); answers by beeps",
    )


def enrol(asked: argparse.Namespace) -> int:
    """Enrol under a claim given by hand, or by the file on the boot partition."""
    from gateway_firmware_py.enrolment.answering import answered, find_led  # noqa: PLC0415
    from gateway_firmware_py.enrolment.boot_file import read_boot_file  # noqa: PLC0415

    if bool(asked.claim) == bool(asked.boot_file):
        raise EnrolmentError("give the claim's text, or --boot-file")
    if not asked.boot_file:
        return _enrol(asked, None)
    boot_file = read_boot_file(asked.boot_file)
    with answered(boot_file.led or find_led()):
        return _enrol(asked, boot_file)


def _enrol(asked: argparse.Namespace, boot_file: "BootFile | None") -> int:
    from evidence.enrolment.claim import Claim  # noqa: PLC0415
    from gateway_firmware_py.compose import software_version  # noqa: PLC0415
    from gateway_firmware_py.enrolment.enrol import Means  # noqa: PLC0415
    from gateway_firmware_py.enrolment.enrol import enrol as enrol_device  # noqa: PLC0415

    given = sys.stdin.readline() if asked.claim == "-" else asked.claim
    claim = Claim.parse(boot_file.claim if boot_file is not None else given)
    device = _device(asked, boot_file)
    means = Means(software=f"coldwarden-gateway {software_version()}")
    _tell(enrol_device(claim, device, means), device, as_json=asked.json)
    return OK


def _device(asked: argparse.Namespace, boot_file: "BootFile | None") -> "Device":
    from gateway_firmware_py.enrolment.enrol import Device  # noqa: PLC0415

    config = asked.config.resolve()
    plan = read_plan(config)
    wanted = asked.state_dir and str(Path(asked.state_dir).resolve())
    state_dir = (config.parent / (wanted or plan.state_dir or STATE_DIR)).resolve()
    _check_owner(state_dir)
    if asked.proxy and not is_proxy(asked.proxy):
        raise ConfigError(f"--proxy: {asked.proxy!r}; expected http://proxy.example:3128")
    try:
        key = read_place(asked.key or plan.key or DEFAULT_KEY, state_dir)
    except ValueError as error:
        raise ConfigError(f"--key: {error}") from error
    return Device(
        config=config,
        plan=plan,
        state_dir=state_dir,
        key=key,
        key_setting=asked.key,
        new_key=asked.new_key,
        led=str(boot_file.led) if boot_file is not None and boot_file.led else "",
        proxy=asked.proxy or (boot_file.network.proxy if boot_file is not None else ""),
    )


def _check_owner(state_dir: Path) -> None:
    """Raise ConfigError before files are made that the gateway's user could not read."""
    if not state_dir.exists():
        return
    owner = state_dir.stat().st_uid
    if owner != os.geteuid():
        raise ConfigError(f"{state_dir} belongs to user {owner}; run: sudo -u '#{owner}' …")


def _tell(enrolled: "Enrolled", device: "Device", *, as_json: bool) -> None:
    fields = {
        "gateway": enrolled.gateway,
        "site": enrolled.site,
        "kid": enrolled.kid.hex(),
        "config": str(device.config),
    }
    if as_json:
        print(json.dumps(fields))
        return
    print(f"{enrolled.gateway} of {enrolled.site} is enrolled, kid {enrolled.kid.hex()}")
    print(f"its configuration is {device.config}; next: coldwarden-gateway doctor")


def rotate(asked: argparse.Namespace) -> int:
    """Change the evidence key."""
    from gateway_firmware_py.enrolment import rotation  # noqa: PLC0415
    from gateway_firmware_py.enrolment.standing import (  # noqa: PLC0415
        enrolled_gateway,
        last_signed,
    )

    settings = load_settings(asked.config)
    _check_owner(settings.identity.state_dir)
    gateway, place = enrolled_gateway(settings), settings.identity.key
    turned = rotation.rotate(gateway, place, last_signed(settings))
    if asked.json:
        print(json.dumps({"old_kid": turned.old_kid.hex(), "kid": turned.kid.hex()}))
        return OK
    print(f"key {turned.kid.hex()} takes the place of {turned.old_kid.hex()}")
    print("a running gateway ends in order and begins again with it by itself")
    return OK


def network_from_boot_file(asked: argparse.Namespace) -> int:
    """Write NetworkManager's keyfiles; as root."""
    from gateway_firmware_py.enrolment.boot_file import read_boot_file  # noqa: PLC0415
    from gateway_firmware_py.enrolment.network import write_connections  # noqa: PLC0415

    boot_file = read_boot_file(asked.boot_file or BOOT_FILE)
    written = write_connections(boot_file.network, asked.connections)
    names = [path.name for path in written]
    print(json.dumps({"written": names}) if asked.json else f"written: {', '.join(names)}")
    return OK
