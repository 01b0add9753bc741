"""Accounts over a small registry."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from device_registry.accounts.accounts import Accounts
from tests.support.people import registry_in


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[Accounts]:
    store = registry_in(tmp_path)
    yield Accounts.over(store)
    store.close()
