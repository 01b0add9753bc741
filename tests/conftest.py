"""For every test: Hypothesis measures no speed, and what a test left open is closed.

Tests that play a crash let go of logs without closing them. All of them run in one process, and
`select()`, which serial ports use, takes no descriptor above 1023.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "coldwarden", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("coldwarden")

_PLAIN = {".seg", ".cursor", ".idx"}


@pytest.fixture(autouse=True)
def _close_what_a_crash_left_open(request: pytest.FixtureRequest) -> Iterator[None]:
    if "tmp_path" not in request.fixturenames:
        yield
        return
    own = str(request.getfixturevalue("tmp_path"))
    yield
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            target = str(link.readlink()).removesuffix(" (deleted)")
            # Segment logs and the folders they lock; a database closes itself when forgotten.
            if target.startswith(own) and (
                Path(target).suffix in _PLAIN or Path(target).is_dir()
            ):
                os.close(int(link.name))
