"""The pages are the same over SQLite and over PostgreSQL."""

from pathlib import Path

import pytest

from tests.support.postgres import postgres
from tests.support.registry_site import GATEWAY, SITE, World, pages

PATHS = (
    "/registry",
    "/registry?region=51&show=sites",
    "/registry?q=百姓",
    "/registry?after=%00",
    "/registry/organisations/bx",
    f"/registry/sites/{SITE}",
    f"/registry/gateways/{GATEWAY}",
    "/registry/sensors/probe-1",
    "/registry/expiry",
    "/work",
    f"/work/gateways/{GATEWAY}",
)


def shown(world: World) -> dict[str, tuple[int, str]]:
    """Return what two people get."""
    answers = {f"{who} {p}": world.get(who, p) for who in ("wang", "li") for p in PATHS}
    return {
        what: (answer.status_code, answer.text.replace("csrf-of-", ""))
        for what, answer in answers.items()
    }


@pytest.mark.engine
def test_both_databases_give_the_same_pages(tmp_path: Path) -> None:
    with pages(tmp_path) as world:
        embedded = shown(world)
    with pages(tmp_path, url=postgres().registry()) as world:
        assert shown(world) == embedded
