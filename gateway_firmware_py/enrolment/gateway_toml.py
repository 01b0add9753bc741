"""Writes what enrolment brought into `gateway.toml`, and leaves the rest of it as it is.

Pure. The tables `[gateway]`, `[trust]` and `[uplink]` get our settings; other settings in
them, other tables and comments stay, so an installer may describe the sources beforehand.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from evidence.enrolment.anchors import Anchors
from evidence.enrolment.answer import Enrolled
from gateway_firmware_py.enrolment.folder import CA, TLS
from gateway_firmware_py.errors import ConfigError

Setting = str | int
Tables = Mapping[str, Mapping[str, Setting]]

HEAD: Final = "# Written by `coldwarden-gateway enrol`; settings and tables may be added."
_HEADER: Final = re.compile(r"\s*\[\[?\s*([A-Za-z0-9_.\-\s]+?)\s*\]\]?")
_KEY: Final = re.compile(r"\s*([A-Za-z0-9_\-]+)\s*=")
_UPLINK_FILES: Final = ("https_ca", "mqtt_ca", "mqtt_cert", "mqtt_key")
_UPLINK_ADDRESSES: Final = ("https_url", "https_proxy", "mqtt_host", "mqtt_port")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a configuration says before enrolment: empty texts where it says nothing."""

    text: str = ""
    gateway: str = ""
    site: str = ""
    state_dir: str = ""
    key: str = ""


def read_plan(file: Path) -> Plan:
    """Return what `file` says already; an empty plan when there is no such file.

    Raises:
        ConfigError: it cannot be read, or is no TOML.
    """
    try:
        text = file.read_text()
        found = tomllib.loads(text).get("gateway", {})
    except FileNotFoundError:
        return Plan()
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}; say who owns it, or --config") from error
    except ValueError as error:
        raise ConfigError(f"{file}: {error}; repair it, or name another: --config") from error
    return Plan(text=text, **{name: _text(found, name) for name in ("gateway", *_NAMES)})


_NAMES = ("site", "state_dir", "key")


def tables(
    enrolled: Enrolled, anchors: Anchors, *, folder: Path, device: Mapping[str, str], proxy: str
) -> Tables:
    """Return the settings that enrolment brought.

    Args:
        enrolled: what the cloud said.
        anchors: what is pinned.
        folder: where `ca.pem` and `tls.pem` are.
        device: more settings of `[gateway]`; empty ones are left out.
        proxy: "http://host:port" for https, or empty.
    """
    uplink: dict[str, Setting] = {"mode": "auto"}
    if enrolled.https_url:
        uplink["https_url"] = enrolled.https_url
        if enrolled.https_url.startswith("https:"):
            uplink["https_ca"] = str(folder / CA)
        if proxy:
            uplink["https_proxy"] = proxy
    if enrolled.mqtt_host:
        uplink["mqtt_host"] = enrolled.mqtt_host
        uplink["mqtt_port"] = enrolled.mqtt_port
        uplink["mqtt_ca"] = str(folder / CA)
        uplink["mqtt_cert"] = uplink["mqtt_key"] = str(folder / TLS)
    return {
        "gateway": {
            "id": enrolled.gateway,
            "site": enrolled.site,
            **{name: text for name, text in device.items() if text},
        },
        "trust": {
            "log_origin": anchors.log_origin,
            "log_key": anchors.log_key.to_text(),
            "control_key": anchors.control_key.to_text(),
        },
        "uplink": uplink,
    }


def merged(text: str, ours: Tables) -> str:
    """Return `text` with the settings of `ours`; other lines stay where they are."""
    rest = dict(ours)
    lines = [] if text.strip() else [HEAD, ""]
    for name, part in _parts(text):
        settings = rest.pop(name, None) if name else None
        if settings is None:
            lines += part
        else:
            dropped = {
                *settings,
                *(_UPLINK_FILES + _UPLINK_ADDRESSES if name == "uplink" else ()),
            }
            header, *body = part
            lines += [header, *_spelled(settings), *_without(body, dropped)]
    for name, settings in rest.items():
        if lines and lines[-1].strip():
            lines.append("")
        lines += [f"[{name}]", *_spelled(settings)]
    return "\n".join(lines).rstrip("\n") + "\n"


def _parts(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each table's name and lines, header first; what is above them has no name."""
    name, part = "", list[str]()
    for line in text.splitlines():
        header = _HEADER.match(line)
        if header is not None:
            if part:
                yield name, part
            name, part = header[1], []
        part.append(line)
    if part:
        yield name, part


def _without(lines: Sequence[str], names: set[str]) -> list[str]:
    found = ((line, _KEY.match(line)) for line in lines)
    return [line for line, key in found if key is None or key[1] not in names]


def _spelled(settings: Mapping[str, Setting]) -> list[str]:
    # A text of JSON is one of TOML, too, without the control characters that none of ours has.
    return [
        f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in settings.items()
    ]


def _text(table: Any, name: str) -> str:  # noqa: ANN401 -- whatever the file says
    value = (
        table.get("id" if name == "gateway" else name, "") if isinstance(table, dict) else ""
    )
    return value if isinstance(value, str) else ""
