"""Replace a gateway, move a refrigerator, change a battery or an uninterruptible supply.

Pure. A moved refrigerator opens a special verification 专项验证 (GSP Annex 3 article 15: points
do not move; Annex 5: a change asks for a new verification).
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from device_registry.commissioning.steps import Input, InputType, Step
from device_registry.jobs.plan import Answers, Known, Plan, Put, Values, note, refusal
from domain.gsp.verification import Trigger, kind_for

VERIFY_WITHIN_DAYS: Final = 7
"""Ours: the special verification of a moved refrigerator is due within a week."""
BATTERIES: Final = ("sensor_battery", "gateway_battery", "ups_battery", "ups_unit")
_PHOTO: Final = Input(name="photo", type=InputType.PHOTO)

GATEWAY_STEPS: Final = (
    Step(
        key="choose_gateway",
        inputs=(
            Input(name="old_gateway", type=InputType.CODE, refers="gateway"),
            Input(name="reason"),
        ),
    ),
    Step(
        key="put_gateway_in",
        inputs=(Input(name="new_gateway", type=InputType.CODE, refers="gateway"), _PHOTO),
    ),
    Step(key="check_gateway", inputs=(Input(name="all_report", type=InputType.YES),)),
)
MOVE_STEPS: Final = (
    Step(
        key="choose_refrigerator",
        inputs=(
            Input(name="refrigerator", type=InputType.CODE, refers="place"),
            Input(name="reason"),
        ),
    ),
    Step(
        key="move_refrigerator",
        inputs=(
            Input(name="new_place"),
            Input(name="goods_kept", type=InputType.YES),
            Input(name="photo_before", type=InputType.PHOTO),
            Input(name="photo_after", type=InputType.PHOTO),
        ),
    ),
    Step(key="check_after_move", inputs=(Input(name="in_range", type=InputType.YES),)),
)
SUPPLY_STEPS: Final = (
    Step(
        key="choose_battery",
        inputs=(
            Input(name="battery", type=InputType.CHOICE, choices=BATTERIES),
            Input(name="device", type=InputType.CODE),
        ),
    ),
    Step(
        key="change_battery",
        inputs=(
            Input(name="new_model", required=False),
            Input(name="new_serial", type=InputType.CODE, required=False),
            _PHOTO,
        ),
    ),
    Step(key="pull_plug", inputs=(Input(name="plug_pulled", type=InputType.YES),)),
)


def plan_gateway(answers: Answers, known: Known) -> Plan:
    """Return the change by which an enrolled gateway takes over all points of another."""
    old_id, new_id = answers["old_gateway"], answers["new_gateway"]
    old, new = known.get("gateway", old_id), known.get("gateway", new_id)
    for id_, row in ((old_id, old), (new_id, new)):
        if row is None:
            return Plan(findings=(refusal("job.unknown", id_, id=id_),))
    findings = []
    if old_id == new_id:
        findings.append(refusal("job_gateway.same", new_id))
    if new is not None and new.get("state") not in {"enrolled", "commissioned", "in_service"}:
        findings.append(refusal("job_gateway.not_enrolled", new_id))
    points = known.having("point", "gateway", old_id)
    findings.append(note("job_gateway.moved", new_id, count=str(len(points))))
    puts = [*_moved(points, new_id, known), *_links_moved(old or {}, new or {}, new_id)]
    if new is not None and new.get("state") == "enrolled":
        puts.append(Put(kind="gateway", id=new_id, fields={"state": "commissioned"}))
    puts.append(Put(kind="gateway", id=old_id, fields={"state": "retired"}))
    return Plan(puts=tuple(puts), findings=tuple(findings))


def _moved(points: Mapping[str, Values], new_id: str, known: Known) -> list[Put]:
    """Return the points at their new gateway, on channels that never meant anything there."""
    used = known.channels.get(new_id, frozenset())
    kept = {row.get("channel") for row in points.values()} - used
    free = (channel for channel in known.free_channels(new_id) if channel not in kept)
    puts = []
    for id_, row in sorted(points.items()):
        channel = row.get("channel")
        fields = {"gateway": new_id, "channel": channel if channel in kept else next(free)}
        puts.append(Put(kind="point", id=id_, fields=fields))
    return puts


def _links_moved(old: Values, new: Values, new_id: str) -> list[Put]:
    """Return the buses and brokers that a gateway of which none are known takes over."""
    links = old.get("links")
    if not links or new.get("links"):
        return []
    return [Put(kind="gateway", id=new_id, fields={"links": links})]


def plan_move(answers: Answers, known: Known) -> Plan:
    """Return the verification and the task that a moved refrigerator asks for."""
    place_id = answers["refrigerator"]
    place = known.get("place", place_id)
    if place is None:
        return Plan(findings=(refusal("job.unknown", place_id, id=place_id),))
    due = (known.today + timedelta(days=VERIFY_WITHIN_DAYS)).isoformat()
    stem = f"{place_id[:40]}-{known.today.isoformat()}"
    kind = kind_for(Trigger.MOVED)
    verification = {
        "site": known.site,
        "place": place_id,
        "verification_kind": str(kind),
        "due": due,
        "trigger": str(Trigger.MOVED),
    }
    task = {
        "site": known.site,
        "task_kind": "verification",
        "title_zh": f"专项验证：{place.get('name_zh')}已移位",
        "title_en": f"Special verification: {place.get('name_en')} was moved",
        "due": due,
        "state": "open",
        "about": f"place:{place_id}",
        "reason": str(Trigger.MOVED),
    }
    return Plan(
        puts=(
            Put(kind="verification", id=f"moved-{stem}", fields=verification),
            Put(kind="task", id=f"verify-{stem}", fields=task),
        ),
        findings=(note("job_move.verification", place_id, due=due),),
    )


def plan_supply(answers: Answers, known: Known) -> Plan:
    """Return the new serial number of a supply; a battery changes nothing but the record."""
    device = answers["device"]
    kinds = ("facility", "sensor", "gateway")
    kind = next((k for k in kinds if known.get(k, device) is not None), "")
    if not kind:
        return Plan(findings=(refusal("job.unknown", device, id=device),))
    fields = {
        name: answers[given]
        for name, given in (("serial", "new_serial"), ("model", "new_model"))
        if answers.get(given)
    }
    is_unit = answers["battery"] == "ups_unit" and kind == "facility"
    puts = (Put(kind=kind, id=device, fields=fields),) if is_unit and fields else ()
    return Plan(puts=puts, findings=(note("job_supply.changed", device, id=device),))
