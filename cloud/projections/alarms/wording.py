"""What people read of an alarm, in Chinese and English (GSP's own vocabulary).

Used for what leaves the server (webhooks); the pages have a catalogue of their own.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from cloud.projections.alarms.event import AlarmEvent, AlarmKind
from device_registry.errors import StoreUnavailableError
from device_registry.registry import Registry
from domain.quantity import Quantity
from domain.rules.model import Direction, Severity


class Wording(NamedTuple):
    """One text in both languages."""

    zh: str
    en: str


_KINDS: Mapping[AlarmKind, Wording] = {
    AlarmKind.LIMIT: Wording("超出规定范围", "out of limits"),
    AlarmKind.GAP: Wording("数据缺失", "data missing"),
    AlarmKind.SILENT: Wording("网关失联", "gateway silent"),
    AlarmKind.LOSS: Wording("数据断号", "data lost"),
    AlarmKind.FORK: Wording("数据分叉（疑似克隆）", "forked data: a key is misused"),
    AlarmKind.BRANCH: Wording("数据分支（疑似还原或克隆）", "branched data: a card was copied"),
    AlarmKind.SIGNATURE: Wording("验签不通过", "signature check failed"),
    AlarmKind.REVOKED: Wording("已撤销的密钥仍在使用", "a revoked key is still used"),
    AlarmKind.IMPLAUSIBLE: Wording("读数不可信", "readings that no probe makes"),
    AlarmKind.COUNT: Wording("数据计数不符", "totals do not agree"),
    AlarmKind.CLOCK: Wording("时钟异常", "clock is wrong"),
    AlarmKind.BACKUP: Wording("按日备份缺失", "no backup for a day"),
    AlarmKind.LOG: Wording("存证日志异常", "transparency log in doubt"),
}
_QUANTITIES: Mapping[str, Wording] = {
    Quantity.TEMPERATURE: Wording("温度", "temperature"),
    Quantity.HUMIDITY: Wording("湿度", "humidity"),
}
_LIMITS: Mapping[str, Wording] = {
    Direction.HIGH: Wording("高于上限", "above the upper limit"),
    Direction.LOW: Wording("低于下限", "below the lower limit"),
}
_WHOLE: Mapping[tuple[str, str], Wording] = {
    (Quantity.MAINS, Direction.LOW): Wording("供电中断", "power loss"),
    (Quantity.DOOR, Direction.HIGH): Wording("门未关闭", "door open"),
}


def title(event: AlarmEvent) -> Wording:
    """Return a line that says what it is, without names and numbers."""
    zh, en = _what(event)
    if event.severity is Severity.PREALARM:
        return Wording(f"{zh}预警", f"pre-alarm: {en}")
    return Wording(f"{zh}报警", f"alarm: {en}")


def names(event: AlarmEvent, registry: Registry) -> dict[str, str]:
    """Return title, and what site and point are called, for the document of an event."""
    wording = title(event)
    found = {"title_zh": wording.zh, "title_en": wording.en}
    # With its database away, an alarm is told without names rather than late.
    with suppress(StoreUnavailableError):
        if (site := registry.site(event.site)) is not None:
            found |= {"site_zh": site.name_zh, "site_en": site.name_en}
        if (point := registry.point_by_id(event.point)) is not None:
            found |= {"name_zh": point.name_zh, "name_en": point.name_en}
    return found


def _what(event: AlarmEvent) -> Wording:
    if event.kind is not AlarmKind.LIMIT:
        return _KINDS[event.kind]
    whole = _WHOLE.get((event.quantity, event.direction))
    quantity, limit = _QUANTITIES.get(event.quantity), _LIMITS.get(event.direction)
    if whole is not None or quantity is None or limit is None:
        return whole or _KINDS[AlarmKind.LIMIT]
    return Wording(f"{quantity.zh}{limit.zh}", f"{quantity.en} {limit.en}")
