"""Labels of registered things, read from the registry; the caller has checked the scope."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from device_registry.commissioning.rows import newest_certificate
from device_registry.labels.content import (
    Label,
    PointOnLabel,
    Target,
    gateway_label,
    place_label,
    point_label,
    site_label,
)
from device_registry.store.row import Row
from device_registry.store.store import RegistryStore
from domain.gsp.finding import Words

MAX_LABELS: Final = 200
"""One print; a roll has a thousand."""
KINDS: Final = ("gateway", "point", "place", "site")


def labels_for(
    store: RegistryStore, kind: str, ids: Sequence[str], target: Target
) -> list[Label]:
    """Return the labels of things of one kind by id, in that order; unknown ids are left out.

    `kind` is one of `KINDS`.
    """
    wanted = list(dict.fromkeys(ids))[:MAX_LABELS]
    rows = {row.id: row for row in store.find(kind, where={"id": wanted}, limit=MAX_LABELS)}
    names = _Names(store)
    return [_label(rows[id_], names, target) for id_ in wanted if id_ in rows]


def labels_of_site(store: RegistryStore, site: str, target: Target) -> list[Label]:
    """Return every label of a site: door, gateways, places, points that are not retired."""
    found = labels_for(store, "site", [site], target)
    for kind in ("gateway", "place", "point"):
        rows = store.find(kind, where={"site": site}, limit=MAX_LABELS)
        alive = [r.id for r in rows if r.values.get("state") != "retired"]
        found += labels_for(store, kind, alive, target)
    return found


class _Names:
    """Names of what labels tell of, each read once."""

    def __init__(self, store: RegistryStore) -> None:
        self._store = store
        self._known: dict[tuple[str, str], Words] = {}

    def of(self, kind: str, id_: str) -> Words:
        if (kind, id_) not in self._known:
            row = self._store.get(kind, id_) if id_ else None
            self._known[kind, id_] = name_of(row) if row else Words(zh="", en="")
        return self._known[kind, id_]

    def valid_until(self, sensor: str) -> date | None:
        rows = self._store.find("calibration", where={"sensor": sensor}) if sensor else []
        calibrations: Mapping[str, Mapping[str, object]] = {r.id: r.values for r in rows}
        newest = newest_certificate(sensor, calibrations)
        return newest.valid_until if newest else None


def name_of(row: Row) -> Words:
    """Return the name of a row in both languages."""
    return Words(zh=row.text("name_zh"), en=row.text("name_en"))


def _label(row: Row, names: _Names, target: Target) -> Label:
    match row.kind:
        case "gateway":
            site = names.of("site", row.text("site"))
            return gateway_label(row.id, row.text("serial"), site, target)
        case "point":
            point = PointOnLabel(
                id=row.id,
                number=row.number("channel"),
                name=name_of(row),
                place=names.of("place", row.text("place")),
                valid_until=names.valid_until(row.text("sensor")),
            )
            return point_label(point, target)
        case "place":
            site = names.of("site", row.text("site"))
            return place_label(row.id, row.text("place_kind"), name_of(row), site, target)
        case _:
            organisation = names.of("organisation", row.text("organisation"))
            return site_label(row.id, name_of(row), organisation, target)
