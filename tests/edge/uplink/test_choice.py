"""Which way to the cloud is tried next."""

from edge.uplink.choice import AGAIN_MS, Choice, after_connect, after_loss, first_is_due


def test_the_second_way_is_tried_after_the_first_failed_twice_and_then_the_first_again() -> (
    None
):
    choice, tried = Choice(ways=2), []
    for _ in range(6):
        tried.append(choice.at)
        choice = after_loss(choice)
    assert tried == [0, 0, 1, 1, 0, 0]


def test_a_way_that_worked_is_tried_first_again() -> None:
    choice = after_connect(Choice(ways=2, at=1), 1000)
    assert after_loss(choice).at == 1


def test_the_first_way_is_due_again_after_a_while_on_the_second() -> None:
    second = after_connect(Choice(ways=2, at=1), 1000)
    assert not first_is_due(second, 999 + AGAIN_MS)
    assert first_is_due(second, 1000 + AGAIN_MS)
    assert not first_is_due(after_connect(Choice(ways=2), 1000), 10 * AGAIN_MS)


def test_a_single_way_is_tried_for_ever() -> None:
    choice = Choice(ways=1)
    for _ in range(9):
        choice = after_loss(choice)
        assert choice.at == 0
