"""Reads `registry.toml` and refuses it with every mistake's line and remedy.

Everything is checked here once, so that no reader of the registry checks again.

    [[tenant]]
    id = "chs"
    name_zh = "春和堂药房"
    name_en = "Chunhetang Pharmacy"

    [[site]]
    id = "chs-001"
    tenant = "chs"
    name_zh = "人民路店"
    name_en = "Renmin Road"
    timezone = "Asia/Shanghai"

    [[gateway]]
    id = "gw-chs-001"
    site = "chs-001"
    keys = ["ed25519:BASE64"]
    heartbeat_s = 60

    [[point]]
    id = "chs-001-fridge-1-t"
    site = "chs-001"
    gateway = "gw-chs-001"
    channel = 1
    name_zh = "1 号冰箱 温度"
    name_en = "Fridge 1 temperature"
    quantity = "temperature"
    rule_pack = "CN_COLD_2_8"
    class = "compliance"
"""

import re
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from device_registry.entries import Entry, entries, line_of_key
from device_registry.errors import Problem, RegistryFileError
from device_registry.fixed import FixedRegistry
from device_registry.records import GatewayRecord, PointRecord, SiteRecord, TenantRecord
from domain.errors import DomainError
from domain.profiles.model import PointClass
from domain.quantity import UCUM, Quantity, check_unit
from domain.rules.load import rule_pack
from evidence.errors import WireError
from evidence.keys import PublicKey

GATEWAY_ID: Final = re.compile(r"[a-z0-9-]{4,32}")
GATEWAY_SHAPE: Final = "4 to 32 of a-z, 0-9 and '-'"
ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
ID_SHAPE: Final = "up to 64 of a-z, 0-9, '-', '_' and '.', starting with a letter or digit"
MAX_CHANNEL: Final = 2**32 - 1
MIN_HEARTBEAT_S: Final = 1
MAX_HEARTBEAT_S: Final = 3600
DEFAULT_HEARTBEAT_S: Final = 60

_NAMES = ("name_zh", "name_en")
_KNOWN = {
    "tenant": ("id", *_NAMES),
    "site": ("id", "tenant", *_NAMES, "timezone"),
    "gateway": ("id", "site", "keys", "heartbeat_s"),
    "point": (
        "id", "site", "gateway", "channel", *_NAMES, "quantity", "unit", "rule_pack", "class",
    ),
}  # fmt: skip

T = TypeVar("T", TenantRecord, SiteRecord, GatewayRecord, PointRecord)


def load_registry(path: Path) -> FixedRegistry:
    """Return the registry in the file at `path`.

    Raises:
        RegistryFileError: lists every mistake as `file:line: what; remedy`.
    """
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except OSError as error:
        raise _unreadable(path, str(error.strerror), "check the path and its owner") from error
    except UnicodeDecodeError as error:
        raise _unreadable(
            path, f"byte {error.start} is not UTF-8", "save it as UTF-8"
        ) from error
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        problem = Problem(
            line=int(line[1]) if line else 1, what=str(error), remedy="mend the TOML there"
        )
        raise RegistryFileError(path, (problem,)) from error
    reader = _Reader(text, document)
    registry = reader.registry()
    if reader.problems:
        raise RegistryFileError(path, tuple(sorted(reader.problems, key=lambda p: p.line)))
    return registry


def _unreadable(path: Path, what: str, remedy: str) -> RegistryFileError:
    return RegistryFileError(path, (Problem(line=1, what=what, remedy=remedy),))


class _Reader:
    """Collects records and mistakes; what was read before is what later entries may name."""

    def __init__(self, text: str, document: dict[str, object]) -> None:
        self.problems: list[Problem] = []
        self._text = text
        self._document = document
        self._sites: dict[str, SiteRecord] = {}
        self._gateways: dict[str, GatewayRecord] = {}
        self._tenants: dict[str, TenantRecord] = {}
        self._key_owners: dict[bytes, Entry] = {}
        self._channel_owners: dict[tuple[str, int], Entry] = {}

    def registry(self) -> FixedRegistry:
        for section in self._document:
            if section not in _KNOWN:
                known = ", ".join(f"[[{name}]]" for name in _KNOWN)
                line = line_of_key(section, self._text)
                what = f"unknown section {section!r}"
                self.problems.append(Problem(line=line, what=what, remedy=f"use {known}"))
        self._tenants = self._read("tenant", self._tenant)
        self._sites = self._read("site", self._site)
        self._gateways = self._read("gateway", self._gateway)
        points = self._read("point", self._point)
        return FixedRegistry(
            self._tenants.values(),
            self._sites.values(),
            self._gateways.values(),
            points.values(),
        )

    def _read(self, section: str, record: Callable[[Entry], T]) -> dict[str, T]:
        found: dict[str, T] = {}
        lines: dict[str, int] = {}
        for entry in entries(section, self._document, self._text, self.problems):
            entry.only(_KNOWN[section])
            made = record(entry)
            if made.id in found:
                first = f"the first one is at line {lines[made.id]}"
                entry.complain(
                    "id", f"duplicate {section} id {made.id!r}", f"{first}; rename one"
                )
            found[made.id] = made
            lines[made.id] = entry.line("id")
        return found

    def _tenant(self, entry: Entry) -> TenantRecord:
        return TenantRecord(id=entry.name("id", ID, ID_SHAPE), **_names(entry))

    def _site(self, entry: Entry) -> SiteRecord:
        timezone = entry.text("timezone")
        try:
            ZoneInfo(timezone or "UTC")
        except (ZoneInfoNotFoundError, ValueError, OSError):
            remedy = "use an IANA name such as Asia/Shanghai"
            entry.complain("timezone", f"unknown time zone {timezone!r}", remedy)
        return SiteRecord(
            id=entry.name("id", ID, ID_SHAPE),
            tenant=_existing(entry, "tenant", tuple(self._tenants)),
            timezone=timezone,
            **_names(entry),
        )

    def _gateway(self, entry: Entry) -> GatewayRecord:
        return GatewayRecord(
            id=entry.name("id", GATEWAY_ID, GATEWAY_SHAPE),
            site=_existing(entry, "site", tuple(self._sites)),
            keys=tuple(key for text in entry.texts("keys") for key in self._key(entry, text)),
            heartbeat_s=entry.number(
                "heartbeat_s", MIN_HEARTBEAT_S, MAX_HEARTBEAT_S, DEFAULT_HEARTBEAT_S
            ),
        )

    def _key(self, entry: Entry, text: str) -> Sequence[PublicKey]:
        try:
            key = PublicKey.from_text(text)
        except WireError:
            remedy = "paste the line that `coldwarden-gateway status` shows, ed25519:BASE64"
            entry.complain("keys", f"{text!r:.40} is not a public key", remedy)
            return ()
        first = self._key_owners.setdefault(key.kid, entry)
        if first is not entry:
            remedy = "every gateway has a key of its own; enrol one of them again"
            entry.complain("keys", f"same key as at line {first.line('keys')}", remedy)
        return (key,)

    def _point(self, entry: Entry) -> PointRecord:
        gateway = _existing(entry, "gateway", tuple(self._gateways))
        channel = entry.number("channel", 0, MAX_CHANNEL)
        quantity = entry.choice("quantity", tuple(Quantity)) or Quantity.STATE
        point_class = entry.choice("class", tuple(PointClass), PointClass.COMPLIANCE)
        point = PointRecord(
            id=entry.name("id", ID, ID_SHAPE),
            site=_existing(entry, "site", tuple(self._sites)),
            gateway=gateway,
            channel=channel,
            quantity=Quantity(quantity),
            unit=entry.text("unit", UCUM[Quantity(quantity)][0]),
            rule_pack=entry.text("rule_pack", ""),
            point_class=PointClass(point_class or PointClass.COMPLIANCE),
            **_names(entry),
        )
        self._check_place(entry, point)
        _check_rules(entry, point)
        return point

    def _check_place(self, entry: Entry, point: PointRecord) -> None:
        gateway = self._gateways.get(point.gateway)
        if gateway is not None and point.site and gateway.site != point.site:
            what = f"gateway {gateway.id!r} is at site {gateway.site!r}, not {point.site!r}"
            entry.complain("site", what, f'write site = "{gateway.site}"')
        place = point.gateway, point.channel
        first = self._channel_owners.setdefault(place, entry)
        if first is not entry:
            what = f"channel {point.channel} of {point.gateway!r} is at line {first.line()} too"
            entry.complain("channel", what, "a channel is one point; give this one its own")


def _names(entry: Entry) -> dict[str, str]:
    return {key: entry.text(key) for key in _NAMES}


def _existing(entry: Entry, key: str, known: Sequence[str]) -> str:
    value = entry.text(key)
    if value and value not in known:
        shown = ", ".join(known[:8]) or f"none yet; add a [[{key}]]"
        entry.complain(key, f"unknown {key} {value!r}", f"known: {shown}")
    return value


def _check_rules(entry: Entry, point: PointRecord) -> None:
    try:
        check_unit(point.quantity, point.unit)
    except DomainError as error:
        entry.complain("unit", str(error), "the registry stores UCUM codes")
    if not point.rule_pack:
        if point.point_class is PointClass.COMPLIANCE:
            remedy = 'add rule_pack = "CN_COLD_2_8" or class = "equipment"'
            entry.complain("rule_pack", "a compliance point needs one", remedy)
        return
    try:
        pack = rule_pack(point.rule_pack)
    except DomainError as error:
        entry.complain("rule_pack", str(error), "the name is the pack's file name")
        return
    if not pack.limits_of(point.quantity):
        what = f"{pack.name} sets no limit for {point.quantity}"
        entry.complain("rule_pack", what, 'use a pack that does, or class = "equipment"')
