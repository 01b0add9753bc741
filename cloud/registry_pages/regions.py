"""Builds the page of a region: how much of it the viewer may see, and one page of rows.

All counting is done by the database; what is counted is what the viewer's scopes cover.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from cloud.registry_pages.asking import above, child_of, narrowed, region_code
from cloud.registry_pages.cells import name_of, named, text, word
from cloud.registry_pages.region_counts import COUNTED, RegionCounts
from dashboards.registry.models import Cell, Crumb, Fact, RegionPage, RegionRow
from dashboards.registry.models import Row as ListRow
from device_registry.access.scope import Scope
from device_registry.store.row import Row
from device_registry.store.store import RegistryStore

ROWS: Final = 30
"""Organisations or sites on one page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the viewer wants to see of which region."""

    prefix: str
    shown: str
    """`organisations` or `sites`."""
    search: str
    after: str

    def href(self, **other: str) -> str:
        """Return the address of this page with something else in its place."""
        asked = {"region": self.prefix, "show": self.shown, "q": self.search, **other}
        return f"/registry?{urlencode({k: v for k, v in asked.items() if v})}"


def region_page(
    counted: RegionCounts, scopes: Sequence[Scope], asked: Asked, now_ms: int
) -> RegionPage:
    """Return the page; regions without anything visible are not on it."""
    store = counted.store
    within = narrowed(scopes, asked.prefix)
    counts = counted.of(within, now_ms)
    rows = _rows(store, within, asked)
    page = rows[:ROWS]
    is_more = len(rows) > ROWS
    return RegionPage(
        now_ms=now_ms,
        code=asked.prefix,
        heading=_heading(store, asked.prefix),
        crumbs=_crumbs(store, asked),
        totals=tuple(
            Fact(label=f"registry.{kind}s_count", cell=Cell(count=sum(counts[kind].values())))
            for kind in COUNTED
        ),
        regions=_children(store, counts, asked.prefix),
        shown=asked.shown,
        rows=_listed(store, page, within, asked.shown),
        search=asked.search,
        next_href=asked.href(after=page[-1].id) if is_more else "",
        query=f"{asked.href().partition('?')[2]}&",
    )


def _rows(store: RegistryStore, within: Sequence[Scope], asked: Asked) -> list[Row]:
    kind = "site" if asked.shown == "sites" else "organisation"
    return store.find(
        kind, within=within, search=asked.search, after=asked.after, limit=ROWS + 1
    )


def _heading(store: RegistryStore, prefix: str) -> Cell:
    if not prefix:
        return Cell(word="registry.all_regions")
    code = region_code(prefix)
    return named(store.get("region", code), fallback=code)


def _crumbs(store: RegistryStore, asked: Asked) -> tuple[Crumb, ...]:
    if not asked.prefix:
        return ()
    around = above(asked.prefix)
    found = _regions(store, [region_code(prefix) for prefix in around])
    steps = [
        named(found.get(region_code(p)), asked.href(region=p, q=""), region_code(p))
        for p in around
    ]
    first = Cell(word="registry.all_regions", href=asked.href(region="", q=""))
    return tuple(Crumb(cell=cell) for cell in (first, *steps))


def _children(
    store: RegistryStore, counts: Mapping[str, Mapping[str, int]], prefix: str
) -> tuple[RegionRow, ...]:
    sums: dict[str, Counter[str]] = {}
    for kind, by_region in counts.items():
        for code, count in by_region.items():
            if child := child_of(code, prefix):
                sums.setdefault(child, Counter())[kind] += count
    found = _regions(store, [region_code(child) for child in sums])
    return tuple(
        RegionRow(
            code=child,
            name=name_of(found.get(region_code(child)), region_code(child)),
            sites=sums[child]["site"],
            gateways=sums[child]["gateway"],
        )
        for child in sorted(sums)
    )


def _regions(store: RegistryStore, codes: Sequence[str]) -> Mapping[str, Row]:
    if not codes:
        return {}
    return {row.id: row for row in store.find("region", where={"id": codes}, limit=len(codes))}


def _listed(
    store: RegistryStore, rows: Sequence[Row], within: Sequence[Scope], shown: str
) -> tuple[ListRow, ...]:
    regions = _regions(store, sorted({row.text("region") for row in rows}))
    below, by = ("gateway", "site") if shown == "sites" else ("site", "organisation")
    ids = [row.id for row in rows]
    counts = store.count_by(below, by, where={by: ids}, within=within) if ids else {}
    return tuple(
        ListRow(
            href=f"/registry/{shown}/{row.id}",
            heading=named(row),
            marks=_marks(row, regions),
            counts=(
                Fact(label=f"registry.{below}s_count", cell=Cell(count=counts.get(row.id, 0))),
            ),
        )
        for row in rows
    )


def _marks(row: Row, regions: Mapping[str, Row]) -> tuple[Cell, ...]:
    region = row.text("region")
    marks = (
        word("subject_class", row.text("subject_class")),
        named(regions.get(region), fallback=region),
        text(str(row.values.get("address") or "")),
    )
    return tuple(mark for mark in marks if not mark.is_empty)
