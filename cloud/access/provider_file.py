"""The file that names other ways to log in: providers and their secrets, mode 0600.

    [sms]
    url = "https://sms.example/send"
    token = "..."

    [[oidc]]                      # also [[wecom]] and [[dingtalk]]
    id = "city"
    title = "市平台"
    issuer = "https://id.example"
    client_id = "..."
    client_secret = "..."

Apart from `cloud.toml`, which more people read than may know these secrets.
"""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Final, TypeVar

from cloud.access.chat_platforms import DingTalkProvider, PlatformConfig, WeComProvider
from cloud.access.door import LOOPBACK
from cloud.access.oidc import OidcConfig, OidcProvider
from cloud.access.providers import Provider
from cloud.access.sms import WebhookSms
from cloud.access.ways import OtherWays
from cloud.errors import ConfigError
from device_registry.accounts.sms_code import SmsGateway
from domain.web_address import parts_of

T = TypeVar("T", OidcConfig, PlatformConfig)
_ID: Final = re.compile(r"[a-z0-9-]{1,32}")
_KINDS: Final = ("oidc", "wecom", "dingtalk")
_URLS: Final = frozenset({"issuer", "log_in_url", "api_url"})


def read_provider_file(file: Path) -> OtherWays:
    """Return what `file` offers; ConfigError names the entry, what is wrong and the remedy."""
    document = _read(file)
    for name in document:
        if name not in {*_KINDS, "sms"}:
            raise ConfigError(f"{file}: unknown section {name!r}; use {', '.join(_KINDS)}, sms")
    providers: list[Provider] = [
        *map(OidcProvider, _entries(file, document, "oidc", OidcConfig)),
        *map(WeComProvider, _entries(file, document, "wecom", PlatformConfig)),
        *map(DingTalkProvider, _entries(file, document, "dingtalk", PlatformConfig)),
    ]
    ids = [provider.id for provider in providers]
    if twice := {id_ for id_ in ids if ids.count(id_) > 1}:
        raise ConfigError(f"{file}: id {min(twice)!r} is used twice; choose another")
    return OtherWays(providers=tuple(providers), sms=_sms(file, document.get("sms")))


def _read(file: Path) -> Mapping[str, Any]:
    try:
        if file.stat().st_mode & 0o077:
            raise ConfigError(f"{file} holds secrets and others can read it; chmod 600 {file}")
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        remedy = "check [access] providers"
        raise ConfigError(f"{file}: {error.strerror}; {remedy}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{file}: {error}; the format is TOML in UTF-8") from error


def _entries(
    file: Path, document: Mapping[str, Any], kind: str, make: Callable[..., T]
) -> Sequence[T]:
    tables = document.get(kind, [])
    if not isinstance(tables, list):
        raise ConfigError(f"{file}: write [[{kind}]] with two brackets")
    return [_entry(f"{file}: [[{kind}]]", table, make) for table in tables]


def _entry(place: str, table: Mapping[str, Any], make: Callable[..., T]) -> T:
    known = {f.name: f for f in fields(make)}  # type: ignore[arg-type]
    for name, value in table.items():
        if name not in known:
            raise ConfigError(f"{place} {name}: unknown; use one of {', '.join(known)}")
        wanted = bool if name == "is_strong" else str
        if type(value) is not wanted:
            raise ConfigError(f"{place} {name}: expected {wanted.__name__}, got {value!r}")
        if name in _URLS:
            _check_url(f"{place} {name}", str(value))
    for name, one in known.items():
        if one.default is MISSING and not table.get(name):
            raise ConfigError(f'{place} {name}: missing; add {name} = "..."')
    if _ID.fullmatch(table["id"]) is None:
        raise ConfigError(f"{place} id: {table['id']!r}; use 1 to 32 of a-z, 0-9 and -")
    return make(**table)


def _sms(file: Path, table: object) -> SmsGateway | None:
    if table is None:
        return None
    match table:
        case {"url": str(url), "token": str(token), **more} if not more:
            _check_url(f"{file}: [sms] url", url)
            return WebhookSms(url, token)
        case _:
            raise ConfigError(f'{file}: [sms]: expected url = "https://..." and token = "..."')


def _check_url(place: str, url: str) -> None:
    parts = parts_of(url)
    is_local = parts.scheme == "http" and parts.hostname in LOOPBACK
    if not parts.hostname or (parts.scheme != "https" and not is_local):
        raise ConfigError(f"{place}: {url!r}; expected https:// (http:// on the loopback only)")
