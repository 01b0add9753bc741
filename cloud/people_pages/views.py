"""Builds the models of the pages of people out of registry rows. Reads; decides nothing."""

from collections.abc import Sequence
from typing import Final

from cloud.access.access import Access
from dashboards.catalogue import catalogue
from dashboards.models import Lang, Name
from dashboards.people.models import (
    AuditRow,
    Changed,
    HeldGrant,
    PersonRow,
    TokenRow,
    Value,
)
from device_registry.access.action import Action
from device_registry.access.policy import Grant, may_end
from device_registry.access.role import roles
from device_registry.access.scope import Scope
from device_registry.accounts.sms_code import NUMBER_VALID_MS
from device_registry.codes.region import region_prefix
from device_registry.kinds.catalogue import KINDS
from device_registry.kinds.field import FieldType
from device_registry.store.audit import AuditEntry
from device_registry.store.row import Row
from device_registry.store.store import RegistryStore

MAX_SHOWN: Final = 200
NOBODY: Final = Name(zh="—", en="—")
MAX_VALUE_CHARS: Final = 200


def person_rows(store: RegistryStore, accounts: Sequence[Row]) -> tuple[PersonRow, ...]:
    """Return the list's rows, with what each holds."""
    held: dict[str, list[Name]] = {}
    ids = [row.id for row in accounts]
    for grant in store.find("grant", where={"account": ids}, limit=20 * MAX_SHOWN):
        held.setdefault(grant.text("account"), []).append(title_of(grant.text("role")))
    return tuple(
        PersonRow(
            id=row.id,
            name=row.text("name"),
            organisation=name_of(store, "organisation", row.text("organisation")) or NOBODY,
            state=row.text("state"),
            roles=tuple(dict.fromkeys(held.get(row.id, ()))),
        )
        for row in accounts
    )


def held_grants(store: RegistryStore, access: Access, account: str) -> tuple[HeldGrant, ...]:
    """Return what an account holds, and what of it the viewer may take away."""
    found = store.find("grant", where={"account": account}, limit=MAX_SHOWN)
    return tuple(
        HeldGrant(
            id=row.id,
            title=title_of(row.text("role")),
            over=name_of(store, "organisation", row.text("organisation")),
            region=name_of(store, "region", row.text("region")),
            subject_class=row.text("subject_class"),
            until_ms=row.number("until_ms") or None,
            work_order=row.text("work_order"),
            can_end=may_end(access.principal, grant_of(store, row), access.at_ms),
        )
        for row in found
    )


def grant_of(store: RegistryStore, row: Row) -> Grant:
    """Return a row of the registry as the policy reads it, without its work order."""
    fields = ("role", "organisation", "region", "subject_class")
    return wanted_grant(store, *(row.text(name) for name in fields))


def wanted_grant(
    store: RegistryStore, role: str, organisation: str, region: str, subject_class: str
) -> Grant:
    """Return a role over a scope as the policy reads it.

    An organisation that is none becomes a path that nobody's scope contains.
    """
    row = store.get("organisation", organisation) if organisation else None
    path = row.subject.org_path if row and row.subject else organisation
    prefix = region_prefix(region) if region else ""
    scope = Scope(organisation=path, region=prefix, subject_class=subject_class)
    return Grant(role=role, scope=scope)


def phone_until_ms(account: Row) -> int | None:
    """Return until when the phone number counts as the person's; None if it never did."""
    verified_ms = account.maybe("phone_verified_ms")
    return verified_ms + NUMBER_VALID_MS if isinstance(verified_ms, int) else None


def tokens(store: RegistryStore, account: str) -> tuple[TokenRow, ...]:
    """Return the API tokens of an account."""
    return tuple(
        TokenRow(id=row.id, label=row.text("label"), until_ms=row.number("until_ms") or None)
        for row in store.find("api_token", where={"account": account}, limit=MAX_SHOWN)
    )


def grantable(access: Access) -> tuple[tuple[str, Name], ...]:
    """Return the roles that the viewer may give somewhere."""
    mine = (roles().get(grant.role) for grant in access.principal.grants)
    names = frozenset().union(*(role.grants for role in mine if role))
    return tuple((name, title_of(name)) for name in roles() if name in names)


def title_of(role: str) -> Name:
    """Return what a role is called."""
    known = roles().get(role)
    return Name(zh=known.zh, en=known.en) if known else Name(zh=role, en=role)


def name_of(store: RegistryStore, kind: str, id_: str) -> Name | None:
    """Return the name of an organisation or region, None where there is none."""
    row = store.get(kind, id_) if id_ else None
    if row is None:
        return None
    return Name(zh=row.text("name_zh"), en=row.text("name_en") or row.text("name_zh"))


def audit_row(entry: AuditEntry) -> AuditRow:
    """Return an entry of the trail as it is shown."""
    return AuditRow(
        seq=entry.seq,
        at_ms=entry.at_ms,
        actor=entry.actor,
        role=title_of(entry.role) if entry.role else None,
        via=entry.via,
        device=entry.device,
        kind=entry.kind,
        id=entry.id,
        is_end=entry.action == "end",
        changes=_changes(entry),
        why=entry.why,
        log_index=entry.log_index,
    )


def _changes(entry: AuditEntry) -> tuple[Changed, ...]:
    old, new = entry.old or {}, entry.new or {}
    # A secret looks the same before and after: that it was changed is what is told.
    return tuple(
        Changed(
            field=name,
            old=_shown(entry.kind, name, old.get(name)),
            new=_shown(entry.kind, name, new.get(name)),
        )
        for name in dict.fromkeys((*old, *new))
        if old.get(name) is not None or new.get(name) is not None
    )


def _shown(kind: str, field: str, value: object) -> Value:
    match value:
        case None:
            return Value()
        case bool():
            return Value(words=("people.yes" if value else "people.no",))
        case int() if KINDS[kind].by_name[field].type is FieldType.MS:
            return Value(at_ms=value)
        case list() if field == "actions" and set(value) <= set(map(str, Action)):
            return Value(words=tuple(f"people.action_{one}" for one in value))
        case list() if all(isinstance(one, str) for one in value):
            return _said(field, " · ".join(value))
        case _:
            return _said(field, str(value))


def _said(field: str, text: str) -> Value:
    if field == "role" and text in roles():
        return Value(name=title_of(text))
    word = f"registry.{field}_{text}"
    if text and word in catalogue(Lang.ZH).keys:
        return Value(words=(word,))
    return Value(text=text if len(text) <= MAX_VALUE_CHARS else f"{text[:MAX_VALUE_CHARS]}…")
