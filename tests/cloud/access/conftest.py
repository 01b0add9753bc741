"""The log-in pages over a small registry."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.access_site import AccessSite
from tests.support.people import registry_in


@pytest.fixture
def place(tmp_path: Path) -> Iterator[AccessSite]:
    place = AccessSite(registry_in(tmp_path))
    yield place
    place.accounts.store.close()
