"""The pinned keys by which an auditor judges: `trust.toml` in a folder that came another way.

Used by `coldwarden-verify`; the cloud writes one for its own auditors. What is not in it is
not trusted: a key, a gateway, a log.

    [control]
    key = "ed25519:BASE64"
    [[log]]
    origin = "example.org/log/2026"
    key = "ed25519:BASE64"
    [[gateway]]
    id = "gw-demo-01"
    site = "chs-001"
    keys = ["ed25519:BASE64"]
"""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from evidence.cose import ALG_ED25519
from evidence.disk import write_file
from evidence.errors import TrustError, WireError
from evidence.keys import PublicKey

FILE_NAME = "trust.toml"
MAX_FILE_BYTES = 64 << 20  # a hundred thousand gateways and more
_GATEWAY_ID = re.compile(r"[a-z0-9-]{4,32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedGateway:
    """A gateway, the site whose readings it signs, and its evidence keys, old and new."""

    id: str
    site: str
    keys: tuple[PublicKey, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """All that is pinned: logs by origin, the control key, gateways."""

    logs: Mapping[str, PublicKey]
    control: PublicKey
    gateways: tuple[TrustedGateway, ...]

    def by_kid(self) -> dict[bytes, tuple[TrustedGateway, PublicKey]]:
        """Return each evidence key and its gateway, by key id."""
        return {key.kid: (gateway, key) for gateway in self.gateways for key in gateway.keys}


def load_trust(directory: Path) -> Trust:
    """Return what `directory` pins.

    Raises:
        TrustError: it cannot be read, or not used as it is; with the remedy.
    """
    path = directory / FILE_NAME
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE_BYTES + 1)
        if len(text) > MAX_FILE_BYTES:
            raise TrustError(f"{path} is over {MAX_FILE_BYTES} bytes; is it the right file?")
        content = tomllib.loads(text.decode())
    except OSError as error:
        raise TrustError(f"{path}: {error.strerror}; get it from the operator") from error
    except ValueError as error:  # not UTF-8, or not TOML: the message has the line
        raise TrustError(f"{path}: {error}; get the file again") from error
    try:
        trust = _read(content)
    except TrustError as error:
        raise TrustError(f"{path}: {error}") from error
    _check(path, trust)
    return trust


def write_trust(directory: Path, trust: Trust) -> None:
    """Write `trust.toml` into `directory`, made if it is not there.

    Raises:
        TrustError: it could not be loaded again.
        LogFullError, StorageFaultError: the disk refused.
    """
    path = directory / FILE_NAME
    _check(path, trust)
    lines = ["[control]", f"key = {_quoted(trust.control.to_text())}"]
    for origin, key in sorted(trust.logs.items()):
        lines += ["", "[[log]]", f"origin = {_quoted(origin)}"]
        lines += [f"key = {_quoted(key.to_text())}"]
    for gateway in sorted(trust.gateways, key=lambda one: one.id):
        keys = ", ".join(_quoted(key.to_text()) for key in gateway.keys)
        lines += ["", "[[gateway]]", f"id = {_quoted(gateway.id)}"]
        lines += [f"site = {_quoted(gateway.site)}", f"keys = [{keys}]"]
    directory.mkdir(parents=True, exist_ok=True)
    write_file(path, ("\n".join(lines) + "\n").encode())


def _read(content: Mapping[str, object]) -> Trust:
    _only(content, {"control", "log", "gateway"}, "trust.toml")
    control = _table(content.get("control"), {"key"}, "[control]")
    logs = [_table(item, {"origin", "key"}, "[[log]]") for item in _list(content, "log")]
    names = {"id", "site", "keys"}
    gateways = [_table(item, names, "[[gateway]]") for item in _list(content, "gateway")]
    pinned = {_text(log, "origin"): _key(_text(log, "key")) for log in logs}
    if len(pinned) != len(logs):
        raise TrustError("an origin is there twice; remove one [[log]]")
    return Trust(
        logs=pinned,
        control=_key(_text(control, "key")),
        gateways=tuple(map(_gateway, gateways)),
    )


def _gateway(table: Mapping[str, object]) -> TrustedGateway:
    keys = tuple(_key(str(item)) for item in _list(table, "keys"))
    return TrustedGateway(id=_text(table, "id"), site=_text(table, "site"), keys=keys)


def _check(path: Path, trust: Trust) -> None:
    """Raise TrustError when the keys cannot all be told apart or used."""
    if not trust.logs or any(key.alg != ALG_ED25519 for key in trust.logs.values()):
        raise TrustError(f"{path}: at least one [[log]], with an ed25519 key, is needed")
    for gateway in trust.gateways:
        if not _GATEWAY_ID.fullmatch(gateway.id) or not gateway.keys:
            raise TrustError(
                f"{path}: gateway {gateway.id!r} needs an id of 4-32 of a-z 0-9 - and a key"
            )
    _check_distinct(path, "gateway id", (gateway.id for gateway in trust.gateways))
    keys = [key for gateway in trust.gateways for key in gateway.keys]
    others = {key.raw for key in (trust.control, *trust.logs.values())}
    _check_distinct(path, "key", (key.kid.hex() for key in keys))
    if trust.control.raw in {key.raw for key in trust.logs.values()} or any(
        key.raw in others for key in keys
    ):
        raise TrustError(f"{path}: log, control and evidence keys are never shared")


def _check_distinct(path: Path, what: str, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise TrustError(f"{path}: {what} {value} is there twice; remove one")
        seen.add(value)


def _table(item: object, names: set[str], where: str) -> Mapping[str, object]:
    if not isinstance(item, dict):
        raise TrustError(f"{where} is missing")
    _only(item, names, where)
    return item


def _only(table: Mapping[str, object], names: set[str], where: str) -> None:
    unknown = table.keys() - names
    if unknown:
        raise TrustError(f"{where} has an unknown name {min(unknown)!r}; remove it")


def _list(table: Mapping[str, object], name: str) -> list[object]:
    value = table.get(name, [])
    if not isinstance(value, list):
        raise TrustError(f"{name} is not a list")
    return value


def _text(table: Mapping[str, object], name: str) -> str:
    value = table.get(name)
    if not isinstance(value, str) or not value.isprintable() or not value:
        raise TrustError(f"{name} is missing or no text")
    return value


def _key(text: str) -> PublicKey:
    try:
        return PublicKey.from_text(text)
    except WireError as error:
        raise TrustError(str(error)) from error


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
