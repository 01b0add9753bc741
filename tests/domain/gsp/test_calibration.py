"""GSP Annex 3 articles 4 and 16: permitted errors and the year."""

from datetime import date
from decimal import Decimal

import pytest

from domain.gsp.calibration import (
    CalibrationPoint,
    Certificate,
    Standing,
    check_errors,
    check_for_service,
    point_documents,
    points_of,
    standing,
    valid_until,
)
from domain.gsp.finding import Level
from domain.gsp.metrology_model import metrology_for
from domain.quantity import Quantity
from domain.rules.load import pack_names, rule_pack

GSP = metrology_for(("CN_COLD_2_8@1",))
T, RH = Quantity.TEMPERATURE, Quantity.HUMIDITY


def line(reference: str, error: str, quantity: Quantity = T) -> CalibrationPoint:
    return CalibrationPoint(
        quantity=quantity, reference=Decimal(reference), error=Decimal(error)
    )


def certificate(*points: CalibrationPoint, until: date | None = None) -> Certificate:
    return Certificate(
        number="C-1", calibrated_on=date(2026, 3, 1), valid_until=until, points=points
    )


@pytest.mark.parametrize(
    ("reference", "permitted"),
    [("0", "0.5"), ("40", "0.5"), ("5", "0.5"), ("-0.1", "1.0"), ("-25", "1.0")],
)
def test_the_permitted_error_follows_the_range(reference: str, permitted: str) -> None:
    assert GSP.permitted_error(T, Decimal(reference)) == Decimal(permitted)


def test_humidity_may_err_by_five_and_beyond_the_range_nothing_is_said() -> None:
    assert GSP.permitted_error(RH, Decimal(60)) == 5
    assert GSP.permitted_error(T, Decimal(41)) is None


def test_an_error_on_the_bound_is_good_and_beyond_it_is_not() -> None:
    assert check_errors("s", certificate(line("5", "0.5"), line("5", "-0.5")), GSP) == ()
    (found,) = check_errors("s", certificate(line("5", "-0.51")), GSP)
    assert (found.key, found.args["error"], found.args["permitted"]) == (
        "calibration.beyond",
        "-0.51",
        "0.5",
    )
    assert check_errors("s", certificate(line("-20", "0.9")), GSP) == ()


def test_a_stricter_laboratory_counts_and_a_laxer_one_does_not() -> None:
    strict = CalibrationPoint(
        quantity=T, reference=Decimal(5), error=Decimal("0.4"), permitted=Decimal("0.3")
    )
    lax = CalibrationPoint(
        quantity=T, reference=Decimal(5), error=Decimal("0.8"), permitted=Decimal(2)
    )
    assert [f.args["permitted"] for f in check_errors("s", certificate(strict, lax), GSP)] == [
        "0.3",
        "0.5",
    ]


def test_a_certificate_holds_a_year_at_most() -> None:
    assert valid_until(certificate(), GSP) == date(2027, 3, 1)
    assert valid_until(certificate(until=date(2026, 9, 1)), GSP) == date(2026, 9, 1)
    assert valid_until(certificate(until=date(2030, 1, 1)), GSP) == date(2027, 3, 1)


def test_the_last_day_still_counts() -> None:
    until = date(2027, 3, 1)
    assert standing(until, until) is Standing.IN_DATE
    assert standing(until, date(2027, 3, 2)) is Standing.EXPIRED
    assert standing(None, until) is Standing.NONE


def test_service_wants_a_certificate_in_date_that_covers_the_range_of_use() -> None:
    packs = [rule_pack("CN_COLD_2_8")]
    today = date(2026, 11, 1)
    assert check_for_service("s", None, packs, [T], today, GSP)[0].key == "calibration.absent"
    good = check_for_service("s", certificate(line("5", "0.1")), packs, [T], today, GSP)
    assert [(f.key, f.level) for f in good] == [("calibration.good", Level.PASS)]
    hot = check_for_service("s", certificate(line("20", "0.1")), packs, [T], today, GSP)
    assert [f.key for f in hot] == ["calibration.not_covered"]
    old = check_for_service(
        "s", certificate(line("5", "0.1")), packs, [T], date(2027, 4, 1), GSP
    )
    assert [f.key for f in old] == ["calibration.expired"]
    assert old[0].clause_zh == "GSP 附录3 第十六条"


def test_what_the_laboratory_failed_is_not_for_service() -> None:
    failed = Certificate(number="C-2", calibrated_on=date(2026, 3, 1), failed=True)
    found = check_for_service("s", failed, [], [T], date(2026, 4, 1), GSP)
    assert [f.key for f in found] == ["calibration.failed"]


def test_points_of_the_registry_are_read_and_written_alike() -> None:
    points = (line("5", "0.10"), line("60", "-1.2", RH))
    assert points_of(point_documents(points)) == points
    with pytest.raises(ValueError, match="expected quantity, reference and error"):
        points_of([{"quantity": "temperature", "reference": "five", "error": "0"}])


def test_every_rule_pack_has_its_metrology_named() -> None:
    for name in pack_names():
        assert name in metrology_for((name,)).rule_packs
