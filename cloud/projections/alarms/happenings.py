"""What is told when something happens to a point or a gateway.

Pure. The identity of an alarm is made here: found again, it has the same name.
"""

from typing import Final

from cloud.archive.finding import (
    BAD_SIGNATURE,
    IMPLAUSIBLE,
    REGISTRY,
    RESTORED,
    REVOKED_KEY,
    STORAGE,
    UNKNOWN_HEAD,
    WRONG_BINDING,
    WRONG_ROUTE,
    FindingRecord,
)
from cloud.projections.alarms.event import AlarmEvent, AlarmKind, alarm_id
from cloud.projections.feed import CommittedRecord
from cloud.projections.timeseries.lines import decimal_text
from device_registry.records import PointRecord
from domain.alarms.limits import Transition
from domain.alarms.state import TransitionKind
from domain.rules.model import Severity
from evidence.finding import Finding

FINDING_KINDS: Final = {
    Finding.LOSS.value: AlarmKind.LOSS,
    Finding.FORK.value: AlarmKind.FORK,
    Finding.BRANCH.value: AlarmKind.BRANCH,
    Finding.COUNT.value: AlarmKind.COUNT,
    Finding.CLOCK_BACK.value: AlarmKind.CLOCK,
    Finding.CLOCK_JUMP.value: AlarmKind.CLOCK,
    Finding.FUTURE.value: AlarmKind.CLOCK,
    BAD_SIGNATURE: AlarmKind.SIGNATURE,
    WRONG_BINDING: AlarmKind.SIGNATURE,
    WRONG_ROUTE: AlarmKind.SIGNATURE,
    REVOKED_KEY: AlarmKind.REVOKED,
    IMPLAUSIBLE: AlarmKind.IMPLAUSIBLE,
    REGISTRY: AlarmKind.LOG,
    UNKNOWN_HEAD: AlarmKind.LOG,
    RESTORED: AlarmKind.LOG,
    STORAGE: AlarmKind.LOG,
}
"""Findings that are alarms; backlog and duplicates are not."""


def limit_event(
    point: PointRecord, transition: Transition, record: CommittedRecord
) -> AlarmEvent:
    """Return what is told of a limit that was passed or came back into range."""
    limit, value = transition.limit, transition.value
    identity = (point.id, limit.pack, limit.key, transition.since_ms, transition.late)
    return AlarmEvent(
        alarm=alarm_id(AlarmKind.LIMIT, *identity),
        event=transition.kind,
        kind=AlarmKind.LIMIT,
        severity=limit.severity,
        at_ms=transition.at_ms,
        told_ms=record.recv_ms,
        since_ms=transition.since_ms,
        site=point.site,
        gateway=point.gateway,
        point=point.id,
        quantity=point.quantity.value,
        value="" if value is None else decimal_text(value, transition.exp),
        unit=point.unit,
        threshold=limit.threshold,
        direction=limit.direction.value,
        pack=limit.pack,
        pack_version=limit.pack_version,
        clause=limit.clause,
        late=transition.late,
        record=record.index,
    )


def gap_event(
    point: PointRecord,
    kind: TransitionKind,
    times: tuple[int, int],
    record: CommittedRecord | None,
) -> AlarmEvent:
    """Return what is told of a point without values; `times` are (last value, now).

    Without a record it is the registry that ended it.
    """
    since_ms, at_ms = times
    return AlarmEvent(
        alarm=alarm_id(AlarmKind.GAP, point.id, since_ms),
        event=kind,
        kind=AlarmKind.GAP,
        severity=Severity.ALARM,
        at_ms=at_ms,
        told_ms=at_ms if record is None else record.recv_ms,
        since_ms=since_ms,
        site=point.site,
        gateway=point.gateway,
        point=point.id,
        quantity=point.quantity.value,
        pack=next(iter(point.rule_packs), ""),
        record=-1 if record is None else record.index,
    )


def silence_event(
    name: AlarmKind, gateway: str, site: str, kind: TransitionKind, times: tuple[int, int]
) -> AlarmEvent:
    """Return what is told of a gateway or a backup that did not come; `times` as above."""
    since_ms, at_ms = times
    return AlarmEvent(
        alarm=alarm_id(name, gateway, since_ms),
        event=kind,
        kind=name,
        severity=Severity.ALARM,
        at_ms=at_ms,
        told_ms=at_ms,
        since_ms=since_ms,
        site=site,
        gateway=gateway,
    )


def finding_event(
    finding: FindingRecord, site: str, record: CommittedRecord
) -> AlarmEvent | None:
    """Return what is told of a finding; None when it is no alarm."""
    kind = FINDING_KINDS.get(finding.kind)
    if kind is None:
        return None
    chain = (finding.kid.hex(), finding.epoch.hex(), finding.lo, finding.hi)
    # a finding that can end is named by what it is about, one that cannot also by its time
    when = () if kind is AlarmKind.LOSS else (finding.at_ms,)
    return AlarmEvent(
        alarm=alarm_id(kind, finding.kind, finding.gateway, *chain, *when),
        event=TransitionKind.RAISED if finding.open else TransitionKind.RETURNED,
        kind=kind,
        severity=Severity.ALARM,
        at_ms=finding.at_ms,
        told_ms=record.recv_ms,
        since_ms=finding.at_ms,
        site=site,
        gateway=finding.gateway,
        record=record.index,
        detail=f"{finding.kind}: {finding.detail}",
    )
