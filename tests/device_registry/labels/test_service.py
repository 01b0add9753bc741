"""Labels of what is registered, with the calibration that counts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from device_registry.labels.content import Target
from device_registry.labels.service import KINDS, labels_for, labels_of_site
from device_registry.store.store import RegistryStore
from tests.support.job_world import SITE, job_world

TARGET = Target(base_url="https://cw.example.cn", lang="zh-CN")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RegistryStore]:
    with job_world(tmp_path) as opened:
        yield opened


def test_each_kind_has_a_label(store: RegistryStore) -> None:
    ids = {
        "gateway": f"gw-{SITE}",
        "point": f"{SITE}-t",
        "place": "fridge-1",
        "site": SITE,
    }
    assert set(ids) == set(KINDS)
    for kind, id_ in ids.items():
        (label,) = labels_for(store, kind, [id_, "unknown", id_], TARGET)
        assert label.code == id_
    (point,) = labels_for(store, "point", [f"{SITE}-t"], TARGET)
    assert point.lines[0] == "校准有效期至 2027-01-04"


def test_a_site_has_all_of_its_labels_and_none_of_others(store: RegistryStore) -> None:
    codes = [label.code for label in labels_of_site(store, SITE, TARGET)]
    assert codes == [SITE, "gw-chs-001", "gw-new", "fridge-1", f"{SITE}-h", f"{SITE}-t"]
