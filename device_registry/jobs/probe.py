"""Replace a probe, and send one for calibration while a rotating spare takes its place.

Pure. The point stays the same; its sensor changes, and old and new certificate are in the
record. It is told on a new channel: a channel never changes its meaning, and the device with
its serial number is part of that. The new probe must suit the point's packs and be in date: a
swap is a commissioning.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from device_registry.commissioning.rows import newest_certificate, packs_of
from device_registry.commissioning.steps import Input, InputType, Step
from device_registry.jobs.plan import Answers, Known, Plan, Put, Values, note, refusal
from domain.gsp.calibration import check_for_service
from domain.gsp.finding import Finding
from domain.gsp.metrology_model import metrology_for
from domain.gsp.suitability import Device, check_device
from domain.profiles.model import PointClass
from domain.quantity import Quantity

CHECK_INPUTS: Final = (
    Input(name="before", type=InputType.NUMBER),
    Input(name="after", type=InputType.NUMBER),
)
POINT: Final = Input(name="point", type=InputType.CODE, refers="point")
NEW_SENSOR: Final = Input(name="new_sensor", type=InputType.CODE, refers="sensor")
PHOTO: Final = Input(name="photo", type=InputType.PHOTO)
FATES: Final = ("calibration", "stock", "rejected", "retired")
"""What becomes of the old probe; states of the sensor's lifecycle."""

REPLACE_STEPS: Final = (
    Step(key="choose_point", inputs=(POINT, Input(name="reason"))),
    Step(
        key="take_probe_out",
        inputs=(Input(name="old_fate", type=InputType.CHOICE, choices=FATES),),
    ),
    Step(key="put_probe_in", inputs=(NEW_SENSOR, PHOTO)),
    Step(key="check_probe", inputs=CHECK_INPUTS),
)
ROTATE_STEPS: Final = (
    Step(key="choose_point", inputs=(POINT,)),
    Step(key="put_spare_in", inputs=(NEW_SENSOR, PHOTO)),
    Step(key="check_probe", inputs=CHECK_INPUTS),
    Step(
        key="send_probe",
        inputs=(Input(name="laboratory"), Input(name="parcel", required=False)),
    ),
)


def plan_replacement(answers: Answers, known: Known) -> Plan:
    """Return the change of one point's sensor."""
    return _swap(answers, known, {"state": answers["old_fate"], "spare": False})


def plan_rotation(answers: Answers, known: Known) -> Plan:
    """Return the change by which a spare takes over and the old probe goes to calibration.

    The old probe will be the spare when it comes back.
    """
    spare = known.get("sensor", answers["new_sensor"])
    plan = _swap(answers, known, {"state": "calibration", "spare": True})
    if spare is not None and not spare.get("spare"):
        findings = (refusal("job_probe.not_spare", answers["new_sensor"]), *plan.findings)
        return Plan(findings=findings)
    return plan


def _swap(answers: Answers, known: Known, old_fields: Values) -> Plan:
    point_id, new_id = answers["point"], answers["new_sensor"]
    point, new = known.get("point", point_id), known.get("sensor", new_id)
    if point is None:
        return Plan(findings=(refusal("job.unknown", point_id, id=point_id),))
    if new is None:
        return Plan(findings=(refusal("job.unknown", new_id, id=new_id),))
    old_id = str(point.get("sensor") or "")
    served = _served_with(point_id, point, old_id, known)
    findings = [
        *_free(new_id, old_id, new, known),
        *(f for row in served.values() for f in _fits(row, new_id, new, known)),
        *_certificates(old_id, new_id, known),
    ]
    old = known.get("sensor", old_id)
    puts = _told_anew(served, new_id, known)
    if old is not None:
        puts.append(Put(kind="sensor", id=old_id, fields=old_fields))
    new_fields = {**_wired(old or {}, new), "state": "in_service", "spare": False}
    puts.append(Put(kind="sensor", id=new_id, fields=new_fields))
    return Plan(puts=tuple(puts), findings=tuple(findings))


def _served_with(
    point_id: str, point: Values, old_id: str, known: Known
) -> Mapping[str, Values]:
    """Return every point of the old sensor: temperature and humidity share one probe."""
    siblings = known.having("point", "sensor", old_id) if old_id else {}
    alive = {id_: row for id_, row in siblings.items() if row.get("state") != "retired"}
    return {point_id: point, **alive}


def _told_anew(served: Mapping[str, Values], new_id: str, known: Known) -> list[Put]:
    """Return the points with their new sensor, each on a channel that was never used."""
    free: dict[str, Iterator[int]] = {}
    puts = []
    for id_, row in sorted(served.items()):
        gateway = str(row["gateway"])
        channels = free.setdefault(gateway, known.free_channels(gateway))
        fields = {"sensor": new_id, "channel": next(channels)}
        puts.append(Put(kind="point", id=id_, fields=fields))
    return puts


def _wired(old: Values, new: Values) -> Values:
    """Return how a probe of which nothing is known is read: as the one whose wires it takes."""
    link = old.get("link")
    if new.get("link") or not isinstance(link, dict) or "unit" not in link:
        return {}
    fields: dict[str, object] = {"link": {k: v for k, v in link.items() if k != "device"}}
    if not new.get("profile") and new.get("model") == old.get("model"):
        fields["profile"] = old.get("profile")
    return fields


def _free(new_id: str, old_id: str, new: Values, known: Known) -> list[Finding]:
    if new_id == old_id:
        return [refusal("job_probe.same", new_id)]
    if str(new.get("state")) in {"rejected", "retired"}:
        return [refusal("job_probe.unfit", new_id)]
    if known.having("point", "sensor", new_id):
        return [refusal("job_probe.in_use", new_id)]
    return []


def _fits(point: Values, new_id: str, new: Values, known: Known) -> list[Finding]:
    if str(point.get("point_class")) != PointClass.COMPLIANCE:
        return []
    packs = packs_of(point)
    quantity = Quantity(str(point["quantity"]))
    refresh_s = new.get("refresh_s")
    device = Device(
        sensor=new_id,
        model=str(new.get("model")),
        refresh_s=refresh_s if isinstance(refresh_s, int) else 0,
    )
    found = list(check_device(device, PointClass.COMPLIANCE, quantity, packs))
    if quantity in {Quantity.TEMPERATURE, Quantity.HUMIDITY}:
        metrology = metrology_for(tuple(pack.name for pack in packs))
        newest = newest_certificate(new_id, known.rows.get("calibration", {}))
        found += check_for_service(new_id, newest, packs, [quantity], known.today, metrology)
    return found


def _certificates(old_id: str, new_id: str, known: Known) -> list[Finding]:
    rows = known.rows.get("calibration", {})
    old, new = newest_certificate(old_id, rows), newest_certificate(new_id, rows)
    numbers = {"old": old.number if old else "—", "new": new.number if new else "—"}
    return [note("job_probe.certificates", new_id, **numbers)]
