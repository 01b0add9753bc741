"""What a metrology pack says: the largest permitted error, and how long a certificate lasts.

The numbers of GSP Annex 3 articles 4 and 16 and of their like are data in `metrology/*.toml`;
`domain.gsp.calibration` applies them. The pack follows from the point's rule pack.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from domain.gsp.data_files import Fields, read_folder
from domain.quantity import Quantity

DEFAULT_PACK = "CN_GSP"
"""For points under no rule pack, or one that no metrology pack names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBand:
    """Between `low` and `high`, inclusive, in the default unit, the error is at most this."""

    quantity: Quantity
    low: Decimal
    high: Decimal
    permitted: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class MetrologyPack:
    """Permitted errors and the interval between two calibrations."""

    name: str
    version: int
    rule_packs: tuple[str, ...]
    interval_days: int
    clause: str
    clause_zh: str
    interval_clause: str
    interval_clause_zh: str
    bands: tuple[ErrorBand, ...]

    def permitted_error(self, quantity: Quantity, reference: Decimal) -> Decimal | None:
        """Return the largest permitted error at `reference`; None where the pack says nothing.

        Where two bands meet, the first of the file (the stricter one) holds.
        """
        for band in self.bands:
            if band.quantity is quantity and band.low <= reference <= band.high:
                return band.permitted
        return None


@cache
def metrology_packs() -> tuple[MetrologyPack, ...]:
    """Return all metrology packs, by name."""
    return tuple(read_folder("metrology", parse_metrology).values())


def metrology_for(rule_packs: tuple[str, ...]) -> MetrologyPack:
    """Return the pack for a point under these rule packs (`NAME` or `NAME@version`)."""
    bare = [name.partition("@")[0] for name in rule_packs]
    named = (p for p in metrology_packs() if any(name in p.rule_packs for name in bare))
    default = next(p for p in metrology_packs() if p.name == DEFAULT_PACK)
    return next(named, default)


def parse_metrology(raw: Fields) -> MetrologyPack:
    """Return the pack that a file holds; raises what `data_files` expects."""
    return MetrologyPack(
        name=raw.text("name"),
        version=raw.whole("version"),
        rule_packs=raw.texts("rule_packs"),
        interval_days=raw.whole("interval_days"),
        clause=raw.text("clause"),
        clause_zh=raw.text("clause_zh"),
        interval_clause=raw.text("interval_clause"),
        interval_clause_zh=raw.text("interval_clause_zh"),
        bands=tuple(
            ErrorBand(
                quantity=Quantity(band.text("quantity")),
                low=band.number("low"),
                high=band.number("high"),
                permitted=band.number("permitted"),
            )
            for band in raw.tables("band")
        ),
    )
