"""Databases that cannot be opened say what to do, and tell no password."""

import pytest

from device_registry.errors import StoreUnavailableError
from device_registry.store.store import RegistryStore


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////nonexistent/folder/registry.db",
        "sqlite://",
        "mysql://root@127.0.0.1/x",
        "no url",
        "postgresql+psycopg://nobody:secret@127.0.0.1:1/x",
    ],
)
def test_a_database_out_of_reach_says_what_to_do(url: str) -> None:
    with pytest.raises(StoreUnavailableError, match=r"check|use|install") as caught:
        RegistryStore.open(url, now_ms=lambda: 0)
    assert "secret" not in str(caught.value)
