"""`scripts/bench [NAME ...]`: measure all figures, or those whose module is named."""

import argparse
import importlib
import pkgutil
import sys
from pathlib import Path

import tests.bench
from tests.bench.row import Row, table, write_json

NOT_FIGURES = {"__main__", "row"}


def figure_modules() -> list[str]:
    """Return the names of the modules here that have a `measure()`."""
    names = (m.name for m in pkgutil.iter_modules(tests.bench.__path__))
    return sorted(n for n in names if n not in NOT_FIGURES and not n.startswith("_"))


def main() -> int:
    """Measure, print the table and write bench.json."""
    known = figure_modules()
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of: {', '.join(known)}")
    parser.add_argument("--out", type=Path, default=Path("bench.json"))
    args = parser.parse_args()
    wrong = set(args.names) - set(known)
    if wrong:
        parser.error(f"no such figure: {', '.join(sorted(wrong))}; known: {', '.join(known)}")
    rows: list[Row] = []
    for name in args.names or known:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        rows += importlib.import_module(f"tests.bench.{name}").measure()
    print(table(rows))
    write_json(rows, args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
