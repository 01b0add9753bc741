"""Buzzer and light."""

from pathlib import Path

from edge.annunciator import AllAnnunciators, LedAnnunciator, LogAnnunciator


def test_a_light_is_switched_through_its_file(tmp_path: Path) -> None:
    pin = tmp_path / "brightness"
    light = AllAnnunciators([LogAnnunciator(), LedAnnunciator(pin)])
    light.sound(on=True)
    assert pin.read_text() == "1\n"
    light.sound(on=False)
    assert pin.read_text() == "0\n"


def test_a_pin_that_is_not_there_costs_nothing_else(tmp_path: Path) -> None:
    LedAnnunciator(tmp_path / "none" / "brightness").sound(on=True)
