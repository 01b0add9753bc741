"""Every quantity has a unit and a possible range; a wrong unit is refused by name."""

import pytest

from domain.errors import WrongUnitError
from domain.quantity import PLAUSIBLE, UCUM, Quantity, check_unit, plausible_scaled


def test_every_quantity_has_a_unit_and_a_range() -> None:
    assert set(UCUM) == set(PLAUSIBLE) == set(Quantity)
    assert all(low < high for low, high in PLAUSIBLE.values())


def test_a_wrong_unit_is_refused_with_the_right_one() -> None:
    check_unit(Quantity.TEMPERATURE, "Cel")
    with pytest.raises(
        WrongUnitError, match="'%' does not measure temperature; use UCUM 'Cel'"
    ):
        check_unit(Quantity.TEMPERATURE, "%")


@pytest.mark.parametrize(
    ("exp", "expected"), [(-1, (-2000, 2000)), (0, (-200, 200)), (1, (-20, 20))]
)
def test_the_plausible_range_scales_exactly(exp: int, expected: tuple[int, int]) -> None:
    assert plausible_scaled(Quantity.TEMPERATURE, exp) == expected


def test_a_coarse_exponent_never_widens_the_plausible_range() -> None:
    assert plausible_scaled(Quantity.SIGNAL, 2) == (-2, 2)
