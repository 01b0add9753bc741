"""The registry's watch: what fails is done later, and nothing of it ends the server."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cloud.registry_watch import PIN_EVERY, RegistryWatch
from device_registry.errors import StoreUnavailableError
from device_registry.serving.stored import StoredRegistry
from device_registry.store.store import RegistryStore
from evidence.errors import StorageFaultError
from tests.support.cloud_core import AT_MS, TEST, register
from tests.support.signing import SigningGateway


@dataclass(slots=True)
class Pins:
    """Counts what is written for auditors, and fails when it is told to."""

    error: Exception | None = None
    asked: int = 0
    written: int = field(default=0)

    def write(self) -> None:
        self.asked += 1
        if self.error is not None:
            raise self.error
        self.written += 1


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[StoredRegistry]:
    url = f"sqlite:///{tmp_path}/registry.db"
    with closing(RegistryStore.open(url, now_ms=lambda: AT_MS)) as store:
        register(store, SigningGateway())
        yield StoredRegistry(store)


def _add(registry: StoredRegistry, name: str) -> None:
    with registry.store.change(TEST, "one more", AT_MS) as change:
        change.put("gateway", name, site="chs-001", state="in_service")


def test_changed_gateways_are_counted_at_once_and_pinned_a_while_later(
    registry: StoredRegistry,
) -> None:
    pins = Pins()
    watch = RegistryWatch(registry, pins.write)
    assert watch.gateway_count == 1
    _add(registry, "gw-demo-02")
    watch.look()
    assert (watch.gateway_count, pins.written) == (2, 0)
    for _ in range(PIN_EVERY):
        watch.look()
    assert pins.written == 1


@pytest.mark.parametrize(
    "error", [StorageFaultError("disk full"), OSError(28, "no space left"), None]
)
def test_what_auditors_pin_of_a_new_log_is_written_at_once_or_tried_again(
    registry: StoredRegistry, error: Exception | None
) -> None:
    pins = Pins(error)
    watch = RegistryWatch(registry, pins.write)
    watch.pin_soon()
    watch.look()
    assert (pins.asked, pins.written) == (1, int(error is None))
    pins.error = None
    for _ in range(PIN_EVERY):
        watch.look()
    assert pins.written == 1


def test_a_database_that_is_away_is_asked_again_and_complained_of_once(
    registry: StoredRegistry,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def away() -> None:
        raise StoreUnavailableError("postgresql://registry", "no answer", "start it")

    pins = Pins()
    watch = RegistryWatch(registry, pins.write)
    with monkeypatch.context() as patched:
        patched.setattr(registry, "refresh", away)
        watch.look()
        watch.look()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "start it" in caplog.text
    _add(registry, "gw-demo-02")
    watch.look()
    assert watch.gateway_count == 2
