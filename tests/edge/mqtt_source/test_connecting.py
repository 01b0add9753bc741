"""Knocking at a broker: both versions in turn, and what worked is tried first."""

from edge.mqtt_source.connecting import Knocking, Version, after_failure, after_loss


def test_both_versions_are_tried_in_turn_beginning_with_five() -> None:
    first = Knocking()
    second = after_failure(first)
    third = after_failure(second)
    assert [k.version for k in (first, second, third)] == [Version.V5, Version.V311, Version.V5]


def test_what_worked_is_tried_first_after_a_loss() -> None:
    worked = after_failure(Knocking())
    assert after_loss(worked).version is Version.V311
