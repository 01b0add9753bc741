"""A measuring point may be under several rule packs, a vaccine refrigerator for one.

Pure. Used where one judge judges by all of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from domain.rules.model import Limit, RulePack


def combined(packs: Sequence[RulePack]) -> RulePack:
    """Return the pack that asks what all of `packs` (at least one) ask, the strictest refresh.

    Each limit still names its own pack and clause. One that says the same as that of an
    earlier pack is left out: nobody is called twice for one thing.
    """
    first, *others = packs
    if not others:
        return first
    strictest = min(packs, key=lambda pack: pack.gap_ms)
    return RulePack(
        name="+".join(pack.name for pack in packs),
        version=first.version,
        title_en=" + ".join(pack.title_en for pack in packs),
        title_zh=" + ".join(pack.title_zh for pack in packs),
        limits=tuple(_limits(packs)),
        refresh_s=strictest.refresh_s,
        gap_grace_s=strictest.gap_grace_s,
    )


def _limits(packs: Sequence[RulePack]) -> Iterator[Limit]:
    seen: dict[str, Limit] = {}
    for limit in (limit for pack in packs for limit in pack.limits):
        before = seen.get(limit.key)
        if before is None:
            seen[limit.key] = limit
            yield limit
        elif not _asks_the_same(limit, before):
            yield replace(limit, apart=f"@{limit.pack}")


def _asks_the_same(limit: Limit, other: Limit) -> bool:
    return limit == replace(
        other,
        pack=limit.pack,
        pack_version=limit.pack_version,
        clause=limit.clause,
        clause_zh=limit.clause_zh,
    )
