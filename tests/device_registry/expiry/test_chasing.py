"""Who is told by short message of what runs out: those who answer for it, and nobody else."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from device_registry.accounts.accounts import Accounts
from device_registry.expiry.chasing import messages
from device_registry.expiry.tour import make_tour
from tests.support.people import FIRM, NOW_MS, OTHER, SETUP, person, registry_in

TODAY = datetime.fromtimestamp(NOW_MS / 1000, UTC).date()
DAY_MS = 86_400_000


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[Accounts]:
    with closing(registry_in(tmp_path)) as store:
        yield Accounts.over(store)


def reachable(
    accounts: Accounts,
    id_: str,
    *roles: str,
    number: str,
    verified_ms: int = NOW_MS,
    firm: str = FIRM,
    scope: str | None = None,
) -> None:
    """Add a person whose number was verified."""
    person(accounts, id_, *roles, firm=firm, scope=scope)
    accounts.people.set_phone(SETUP, id_, number, verified_ms)


def licence(accounts: Accounts, id_: str, days: int, firm: str = "chs-1") -> None:
    with accounts.store.change(SETUP, "licence", NOW_MS) as change:
        change.put(
            "licence",
            id_,
            organisation=firm,
            licence_kind="药品经营许可证",
            number=f"川-{id_}",
            valid_until=(TODAY + timedelta(days=days)).isoformat(),
            state="valid",
        )


def sent(accounts: Accounts, day: date = TODAY, at_ms: int = NOW_MS) -> dict[str, str]:
    return dict(messages(accounts, make_tour(accounts.store, SETUP, day, at_ms), at_ms))


def test_those_who_answer_for_it_are_told_once_each_and_nobody_else(accounts: Accounts) -> None:
    reachable(accounts, "head", "quality_head", number="13800000001")
    reachable(accounts, "keeper", "keeper", number="13800000002")
    reachable(accounts, "other", "quality_head", number="13800000003", firm=OTHER)
    reachable(accounts, "watching", "regulator_lead", number="13800000004", firm="gov")
    reachable(accounts, "root", "operator", number="13800000005", scope="")
    person(accounts, "unreachable", "shop_manager")
    licence(accounts, "lic-1", 30)
    assert sent(accounts) == {
        "+8613800000001": f"冷链守望提醒：许可证将于 {TODAY + timedelta(days=30)} 到期："
        "药品经营许可证 川-lic-1。请登录系统，在“临期”页面处理。"
    }
    assert sent(accounts) == {}, "it was told"


def test_several_things_are_one_message(accounts: Accounts) -> None:
    reachable(accounts, "head", "quality_head", number="+447700900123")
    for number in range(3):
        licence(accounts, f"lic-{number}", 7 + number)
    (text,) = sent(accounts).values()
    assert text.startswith("Coldwarden: licence runs out on")
    assert "3 in all" in text


def test_a_shop_manager_answers_for_its_own_shop_only(accounts: Accounts) -> None:
    reachable(accounts, "manager", "shop_manager", number="13800000001", firm="chs-1")
    licence(accounts, "lic-1", 30, firm=OTHER)
    assert sent(accounts) == {}
    licence(accounts, "lic-2", 30)
    assert set(sent(accounts)) == {"+8613800000001"}


def test_a_number_that_was_not_proven_again_is_not_used(accounts: Accounts) -> None:
    verified_ms = NOW_MS - 91 * DAY_MS
    reachable(accounts, "head", "quality_head", number="13800000001", verified_ms=verified_ms)
    licence(accounts, "lic-1", 30)
    assert sent(accounts) == {}


def test_of_a_phone_number_its_own_person_is_told(accounts: Accounts) -> None:
    reachable(accounts, "head", "quality_head", number="13800000001")
    verified_ms = NOW_MS - 85 * DAY_MS
    reachable(accounts, "keeper", "keeper", number="13800000002", verified_ms=verified_ms)
    told = sent(accounts)
    assert set(told) == {"+8613800000002"}
    assert "已核实的手机号" in told["+8613800000002"]


def test_who_has_no_such_post_any_more_is_not_told(accounts: Accounts) -> None:
    reachable(accounts, "head", "quality_head", number="13800000001")
    reachable(accounts, "left", "quality_officer", number="13800000002")
    accounts.people.close(SETUP, "left", NOW_MS, "left")
    licence(accounts, "lic-1", 30)
    assert set(sent(accounts)) == {"+8613800000001"}
