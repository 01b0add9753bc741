"""The real engines that tests meet: found, skipped with the remedy, or required (in CI)."""

import os
import shutil

import pytest

REQUIRED = os.environ.get("COLDWARDEN_REQUIRE_ENGINES") == "1"
_EXTRA_PATH = "/usr/sbin:/usr/local/sbin:/usr/lib/postgresql/15/bin"


def engine(binary: str) -> str:
    """Return an engine's program; without it skip the test, or in CI fail it."""
    path = shutil.which(binary, path=f"{os.environ.get('PATH', '')}:{_EXTRA_PATH}")
    if path is None:
        message = f"{binary} is not installed; scripts/test installs it where it may"
        if REQUIRED:
            pytest.fail(message)
        pytest.skip(message)
    return path
