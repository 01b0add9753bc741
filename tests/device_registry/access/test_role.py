"""`device_registry.access.role`: the roles are whole and give no more than it should."""

from device_registry.access.action import Action
from device_registry.access.role import roles

GSP_POSTS = {
    "enterprise_head": "企业负责人",
    "quality_head": "质量负责人",
    "quality_officer": "质量管理员",
    "receiver": "收货员",
    "acceptor": "验收员",
    "keeper": "养护员",
    "custodian": "保管员",
    "checker": "复核员",
    "driver": "运输员",
    "shop_manager": "店长",
    "pharmacist": "执业药师",
    "shop_assistant": "营业员",
}
OTHERS = {"technician", "inspector", "regulator_lead", "auditor", "public", "operator"}


def test_every_post_of_the_gsp_is_a_role_by_its_own_name() -> None:
    assert {name: role.zh for name, role in roles().items() if name not in OTHERS} == GSP_POSTS
    assert set(roles()) >= OTHERS


def test_every_action_is_somebodys() -> None:
    assert frozenset[Action]().union(*(role.actions for role in roles().values())) == set(
        Action
    )


def test_only_who_edits_people_gives_roles_and_only_known_ones_and_never_the_publics() -> None:
    for role in roles().values():
        assert bool(role.grants) == (Action.EDIT_PEOPLE in role.actions), role.name
        assert role.grants <= set(roles()) - {"public"}


def test_the_public_sees_what_is_public_and_nothing_else() -> None:
    assert roles()["public"].actions == {Action.VIEW_PUBLIC}


def test_who_may_change_keys_or_people_needs_a_second_factor() -> None:
    strong = {Action.EDIT_PEOPLE, Action.REVOKE_APPROVE, Action.REVOKE_REQUEST, Action.ENROL}
    assert all(role.needs_totp for role in roles().values() if role.actions & strong)


def test_nobody_who_serves_the_platform_or_supervises_acknowledges_a_firms_alarm() -> None:
    for name in ("operator", "inspector", "regulator_lead", "auditor", "technician"):
        assert Action.ACKNOWLEDGE_ALARM not in roles()[name].actions
