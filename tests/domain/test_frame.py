"""A frame is a well-formed row shape or it does not exist."""

import pytest

from domain.frame import Frame


def test_equal_shapes_are_one_frame() -> None:
    a = Frame(channels=(1, 2), exps=(-1, -1), period_ms=10_000)
    assert a == Frame(channels=(1, 2), exps=(-1, -1), period_ms=10_000)
    assert a.width == 2


@pytest.mark.parametrize(
    ("channels", "exps", "period_ms"),
    [((), (), 0), ((1,), (), 0), ((1, 1), (0, 0), 0), ((1,), (0,), -1)],
)
def test_a_malformed_shape_is_a_programming_mistake(
    channels: tuple[int, ...], exps: tuple[int, ...], period_ms: int
) -> None:
    with pytest.raises(ValueError, match=r"channel|period"):
        Frame(channels=channels, exps=exps, period_ms=period_ms)
