"""How long to wait before trying a device or broker of the same building again.

Pure; used by the sources. Full jitter up to a ceiling that doubles with each failure: what is
in the same building is back within seconds, or needs a person.
"""

from typing import Final

FIRST_CEILING_S: Final = 0.25
MAX_CEILING_S: Final = 10.0
MAX_DOUBLINGS: Final = 10  # beyond this the ceiling is reached, and no power grows too large


def delay_s(failures: int, draw: float) -> float:
    """Return the wait after `failures` in a row; `draw` is uniform in [0, 1)."""
    if failures <= 0:
        return 0.0
    doublings = min(failures - 1, MAX_DOUBLINGS)
    return draw * min(MAX_CEILING_S, FIRST_CEILING_S * 2.0**doublings)
