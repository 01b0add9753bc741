"""`coldwarden-cloud ca init | renew | server | client`: the authority, and who serves.

Hooked into `cloud.cli`. The root is made on a medium of its own and is not needed to serve.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from cloud.config import load_config
from cloud.core import wall_ms
from cloud.enrolment.anchoring import needed_authority
from cloud.errors import OperatorError
from device_registry.authority import key_file
from device_registry.authority.errors import AuthorityError
from device_registry.authority.issuing import CLIENT_CA_NAME, Authority
from device_registry.authority.root import OfflineRoot

DONE: Final = 0
NAME: Final = "Coldwarden"

Add = Callable[..., argparse.ArgumentParser]


def add_to(commands: Any, add: Add) -> None:  # noqa: ANN401 - argparse names no type for it
    """Add `ca` and its actions."""
    parser = commands.add_parser("ca", help="the certificate authority of the gateways")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    one = add(
        actions, "init", _told(_init), "make the offline root and the authority that serves"
    )
    # `add` gives no --config to a command called init: that of an installation has none yet.
    one.add_argument("--config", type=Path, default=Path("cloud.toml"), metavar="FILE")
    _add_root(one)
    one.add_argument(
        "--name", default=NAME, help="stands in the certificates; default: %(default)s"
    )
    one = add(actions, "renew", _told(_renew), "give the authority that serves five more years")
    _add_root(one)
    one = add(actions, "server", _told(_server), "make a server's certificate: proxy or broker")
    one.add_argument("names", nargs="+", metavar="NAME", help="host names or addresses")
    _add_out(one)
    one = add(
        actions, "client", _told(_client), "make the certificate the cloud shows to the broker"
    )
    one.add_argument("name", metavar="NAME", help="the user of the broker's ACL: ingest")
    _add_out(one)


def _add_root(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--root",
        type=Path,
        required=True,
        metavar="DIR",
        help="a medium of its own, for a safe",
    )
    one.add_argument(
        "--passphrase-file",
        type=Path,
        metavar="FILE",
        help="seals the root's key with its first line",
    )


def _add_out(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--out", type=Path, default=Path(), metavar="DIR", help="where to write it"
    )


def _init(arguments: argparse.Namespace) -> dict[str, str]:
    config, now_ms = load_config(arguments.config), wall_ms()
    folder = config.enrolment.ca_dir
    if folder.exists():
        raise OperatorError(f"{folder} exists; an authority is made once: move it away first")
    root = OfflineRoot.create(
        arguments.root, f"{arguments.name} root", now_ms, _passphrase(arguments)
    )
    Authority.create(folder, root, f"{arguments.name} gateways", now_ms)
    return {
        "root": str(arguments.root),
        "authority": str(folder),
        "clients_ca": str(folder / CLIENT_CA_NAME),
        "next": f"put {arguments.root} into a safe: it is needed again in five years",
    }


def _renew(arguments: argparse.Namespace) -> dict[str, str]:
    config = load_config(arguments.config)
    authority = needed_authority(config)
    root = OfflineRoot.load(arguments.root, _passphrase(arguments))
    renewed = authority.renew(config.enrolment.ca_dir, root, wall_ms())
    until = renewed.not_valid_after_utc.date().isoformat()
    return {"until": until, "next": "start the server and the broker again"}


def _server(arguments: argparse.Namespace) -> dict[str, str]:
    authority, key = _authority(arguments), key_file.new_key()
    leaf = authority.server(arguments.names, key.public_key(), wall_ms())
    return _written(arguments.out, arguments.names[0], authority, (key, leaf))


def _client(arguments: argparse.Namespace) -> dict[str, str]:
    authority, key = _authority(arguments), key_file.new_key()
    leaf = authority.client(arguments.name, key.public_key(), wall_ms())
    return _written(arguments.out, arguments.name, authority, (key, leaf))


def _written(
    out: Path, name: str, authority: Authority, made: tuple[key_file.Key, key_file.Certificate]
) -> dict[str, str]:
    key, leaf = made
    out.mkdir(parents=True, exist_ok=True)
    files = {"key": out / f"{name}.key", "cert": out / f"{name}.crt"}
    key_file.save_key(files["key"], key)
    key_file.save_certificates(files["cert"], leaf, authority.certificate)
    until = leaf.not_valid_after_utc.date().isoformat()
    return {**{what: str(path) for what, path in files.items()}, "until": until}


def _authority(arguments: argparse.Namespace) -> Authority:
    return needed_authority(load_config(arguments.config))


def _passphrase(arguments: argparse.Namespace) -> bytes:
    file: Path | None = arguments.passphrase_file
    if file is None:
        return b""
    lines = file.read_bytes().splitlines()
    if not lines or not lines[0]:
        raise OperatorError(f"{file} has no first line; write the passphrase there")
    return lines[0]


def _told(
    action: Callable[[argparse.Namespace], dict[str, str]],
) -> Callable[[argparse.Namespace], int]:
    def run(arguments: argparse.Namespace) -> int:
        try:
            made = action(arguments)
        except AuthorityError as error:
            raise OperatorError(str(error)) from error
        if arguments.json:
            sys.stdout.write(json.dumps(made) + "\n")
        else:
            sys.stdout.writelines(f"{name:10} {value}\n" for name, value in made.items())
        return DONE

    return run
