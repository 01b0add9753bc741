"""One figure of the benchmark, the table people read and the file scripts read."""

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter_ns, process_time_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A figure: `value` in `unit`; `floor` in the same unit, from the same run; their `ratio`.

    `bar` is what we promise of the ratio, or of the value where there is no floor.
    """

    name: str
    value: float
    unit: str
    floor: float | None = None
    ratio: float | None = None
    bar: str = ""
    note: str = ""


def paired_ns(
    ours: Callable[[], object],
    floor: Callable[[], object],
    rounds: int = 9,
    *,
    cpu: bool = False,
) -> tuple[float, float, float]:
    """Run both in turn; return (median ours, median floor, median of the ratios), in ns.

    In turn, because the machine's speed drifts: only the pairs are comparable.
    """
    clock = process_time_ns if cpu else perf_counter_ns
    a, b, r = [], [], []
    for _ in range(rounds):
        t0 = clock()
        ours()
        t1 = clock()
        floor()
        t2 = clock()
        a.append(t1 - t0)
        b.append(t2 - t1)
        r.append((t1 - t0) / (t2 - t1))
    return statistics.median(a), statistics.median(b), statistics.median(r)


def table(rows: Sequence[Row]) -> str:
    """Return the rows as an aligned table."""
    head = ("figure", "value", "unit", "floor", "ratio", "bar", "note")
    cells = [head] + [
        (
            r.name,
            f"{r.value:,.3g}" if r.value < 1000 else f"{r.value:,.0f}",
            r.unit,
            "" if r.floor is None else f"{r.floor:,.4g}",
            "" if r.ratio is None else f"{r.ratio:.2f}",
            r.bar,
            r.note,
        )
        for r in rows
    ]
    widths = [max(len(c[i]) for c in cells) for i in range(len(head) - 1)]
    lines = [
        "  ".join([*(c[i].ljust(w) for i, w in enumerate(widths)), c[-1]]).rstrip()
        for c in cells
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def write_json(rows: Sequence[Row], path: Path) -> None:
    """Write the rows as a list of objects, as `scripts/bench` promises."""
    path.write_text(json.dumps([asdict(r) for r in rows], indent=1) + "\n")
