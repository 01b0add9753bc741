"""What a technician is led through on the phone, as tables; field jobs are written the same.

Pure. A flow is a row of steps; a step names its inputs; `missing` says what a flow still wants
from what was given so far, so that it can be left and taken up again without signal.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Final


class InputType(StrEnum):
    """What is asked of the person; decides the control on the page."""

    TEXT = "text"
    CODE = "code"
    """Scanned from a label or typed: an id or a serial number."""
    NUMBER = "number"
    """Decimal text."""
    DATE = "date"
    """`YYYY-MM-DD`."""
    CHOICE = "choice"
    YES = "yes"
    """Confirmed with "yes"; "no" does not end the step."""
    PHOTO = "photo"
    """SHA-256 of a photo."""
    FILE = "file"
    """SHA-256 of a document (PDF)."""
    SIGNATURE = "signature"
    """SHA-256 of a drawn signature."""


class Per(StrEnum):
    """For what a step is repeated."""

    ONCE = "once"
    PLACE = "place"
    SENSOR = "sensor"
    POINT = "point"


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One thing to give; its label is the text `input.<name>`."""

    name: str
    type: InputType = InputType.TEXT
    required: bool = True
    choices: tuple[str, ...] = ()
    """For CHOICE; each has a text `choice.<value>`."""
    refers: str = ""
    """Registry kind whose id this is; the page offers those of the site."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step; its title is the text `step.<key>`, what to do is `step.<key>_how`."""

    key: str
    inputs: tuple[Input, ...] = ()
    per: Per = Per.ONCE


Given = Mapping[tuple[str, str], Mapping[str, str]]
"""What was given: (step key, about) to input name to value; `about` is "" for ONCE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """One input that is not given, or not acceptable."""

    step: str
    about: str
    input: str


def missing(
    steps: tuple[Step, ...], given: Given, things: Mapping[Per, tuple[str, ...]]
) -> tuple[Missing, ...]:
    """Return what is still to be given, in order; empty when the flow can end.

    Args:
        steps: the flow.
        given: what the phone has collected.
        things: ids for which repeated steps are done: the points, sensors, places of the site.
    """
    return tuple(
        Missing(step=step.key, about=about, input=wanted.name)
        for step in steps
        for about in (("",) if step.per is Per.ONCE else things.get(step.per, ()))
        for wanted in step.inputs
        if not acceptable(wanted, given.get((step.key, about), {}).get(wanted.name, ""))
    )


def acceptable(wanted: Input, value: str) -> bool:
    """Return whether a value answers an input; an optional one may stay empty."""
    return _answers(wanted, value) if value.strip() else not wanted.required


def _answers(wanted: Input, value: str) -> bool:
    match wanted.type:
        case InputType.CHOICE:
            return value in wanted.choices
        case InputType.YES:
            return value == "yes"
        case InputType.NUMBER:
            return _is_number(value)
        case InputType.DATE:
            return _is_date(value)
        case InputType.PHOTO | InputType.FILE | InputType.SIGNATURE:
            return len(value) == SHA256_HEX_CHARS and set(value) <= set("0123456789abcdef")
        case InputType.TEXT | InputType.CODE:
            return len(value) <= MAX_TEXT_CHARS


SHA256_HEX_CHARS: Final = 64
MAX_TEXT_CHARS: Final = 2000
_PHOTO, _YES, _NUMBER = InputType.PHOTO, InputType.YES, InputType.NUMBER


def _is_number(value: str) -> bool:
    try:
        return Decimal(value).is_finite()
    except InvalidOperation:
        return False


def _is_date(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


COMMISSIONING: Final = (
    Step(key="arrive", inputs=(Input(name="site_photo", type=_PHOTO),)),
    Step(
        key="mount_gateway",
        inputs=(
            Input(name="gateway_photo", type=_PHOTO),
            Input(name="gateway_serial", type=InputType.CODE, required=False),
        ),
    ),
    Step(key="enrol", inputs=(Input(name="signal_seen", type=_YES),)),
    Step(
        key="measure_place",
        per=Per.PLACE,
        inputs=(
            Input(name="area_m2", type=_NUMBER, required=False),
            Input(name="volume_m3", type=_NUMBER, required=False),
            Input(name="rack_height_m", type=_NUMBER, required=False),
            Input(name="place_photo", type=_PHOTO),
        ),
    ),
    Step(
        key="mount_point",
        per=Per.POINT,
        inputs=(
            Input(name="sensor_serial", type=InputType.CODE),
            Input(name="height_m", type=_NUMBER),
            Input(name="x_m", type=_NUMBER, required=False),
            Input(name="y_m", type=_NUMBER, required=False),
            Input(name="point_photo", type=_PHOTO),
        ),
    ),
    Step(
        key="check_point",
        per=Per.POINT,
        inputs=(
            Input(name="how", type=InputType.CHOICE, choices=("warmed", "compared")),
            Input(name="before", type=_NUMBER, required=False),
            Input(name="after", type=_NUMBER, required=False),
            Input(name="reference", type=_NUMBER, required=False),
            Input(name="shown", type=_NUMBER, required=False),
            Input(name="instrument", type=InputType.CODE, required=False),
            Input(name="reference_photo", type=_PHOTO, required=False),
        ),
    ),
    Step(
        key="alarm_drill",
        inputs=(
            Input(name="alarm_seen_here", type=_YES),
            Input(name="alarm_seen_there", type=_YES, required=False),
        ),
    ),
    Step(key="pull_plug", inputs=(Input(name="plug_pulled", type=_YES),)),
    Step(
        key="sign",
        inputs=(
            Input(name="customer_name"),
            Input(name="customer_signature", type=InputType.SIGNATURE),
        ),
    ),
)
"""The commissioning itself; what it finds is decided by `review`, not by its answers."""
