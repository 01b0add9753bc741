"""The pages of people over a small registry."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.people import registry_in
from tests.support.people_site import PeopleSite


@pytest.fixture
def site(tmp_path: Path) -> Iterator[PeopleSite]:
    site = PeopleSite(registry_in(tmp_path))
    yield site
    site.accounts.store.close()
