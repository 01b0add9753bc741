"""The technician's flow can be left and taken up: what is missing is always known."""

import pytest

from device_registry.commissioning.steps import (
    COMMISSIONING,
    Input,
    InputType,
    Missing,
    Per,
    Step,
    acceptable,
    missing,
)
from domain.gsp.phrases import Phrases

THINGS = {Per.PLACE: ("cold-1",), Per.POINT: ("p1", "p2")}


def test_nothing_given_misses_every_required_input_in_order() -> None:
    wanted = missing(COMMISSIONING, {}, THINGS)
    assert wanted[0] == Missing(step="arrive", about="", input="site_photo")
    assert [m.about for m in wanted if m.input == "sensor_serial"] == ["p1", "p2"]
    assert not [m for m in wanted if m.input == "x_m"]
    assert wanted[-1].input == "customer_signature"


def test_what_was_given_is_no_longer_missing() -> None:
    given = {("arrive", ""): {"site_photo": "a" * 64}}
    assert missing(COMMISSIONING, given, THINGS)[0].step == "mount_gateway"


@pytest.mark.parametrize(
    ("type_", "good", "bad"),
    [
        (InputType.NUMBER, "-2.50", "two"),
        (InputType.NUMBER, "0", "nan"),
        (InputType.DATE, "2026-11-22", "2026-13-01"),
        (InputType.YES, "yes", "no"),
        (InputType.PHOTO, "a" * 64, "A" * 64),
        (InputType.SIGNATURE, "0" * 64, "0" * 63),
        (InputType.CODE, "SN-1", "x" * 2001),
        (InputType.CHOICE, "warmed", "cooled"),
    ],
)
def test_an_answer_must_fit_its_type(type_: InputType, good: str, bad: str) -> None:
    wanted = Input(name="x", type=type_, choices=("warmed",))
    assert acceptable(wanted, good)
    assert not acceptable(wanted, bad)
    assert not acceptable(wanted, " ")


def test_an_optional_input_may_stay_empty_but_not_be_wrong() -> None:
    optional = Input(name="x", type=InputType.NUMBER, required=False)
    assert acceptable(optional, "")
    assert not acceptable(optional, "much")
    assert missing((Step(key="s", inputs=(optional,)),), {}, {}) == ()


def test_every_step_input_and_choice_has_its_texts() -> None:
    keys = Phrases("device_registry.commissioning").keys
    for step in COMMISSIONING:
        assert {f"step.{step.key}", f"step.{step.key}_how"} <= keys
        assert {f"input.{i.name}" for i in step.inputs} <= keys
        assert {f"choice.{c}" for i in step.inputs for c in i.choices} <= keys
