"""The real program: told over HTTPS what to read, killed in the middle, and it ends well."""

import random
from pathlib import Path

from evidence.batch import EventKind, expand
from evidence.configuration import (
    ConfigurationDocument,
    Stage,
    Standing,
    document_hash,
    sign_configuration,
    standing_of,
)
from tests.gateway_firmware_py.test_cli import FRIDGE, gateway, https
from tests.support.batches import SITE
from tests.support.fake_cloud import CONTROL_KEY, FakeCloud
from tests.support.http_cloud import HttpCloud, http_cloud
from tests.support.modbus_echo import modbus_echo
from tests.support.wait import until

KILLS = 4


def standings(cloud: FakeCloud) -> list[Standing]:
    """Return what the archived STATE events say, in the order of arrival."""
    bodies = [cloud.bodies[place] for place in cloud.order]
    events = [e for body in bodies for e in body.events if e.kind == EventKind.STATE]
    return [found for e in events if (found := standing_of(e.body)) is not None]


def offer(server: HttpCloud, document: ConfigurationDocument) -> None:
    """Let the next answer bring the configuration."""
    server.mailbox[:] = [sign_configuration(document, CONTROL_KEY, SITE)]


async def test_killed_anywhere_it_is_applied_in_the_end_and_acknowledged_by_its_hash(
    tmp_path: Path,
) -> None:
    rng = random.Random(3)
    async with (
        http_cloud(FakeCloud()) as server,
        modbus_echo(lambda address: 45 + address) as port,
    ):
        one = gateway(tmp_path, https(server.port), FRIDGE.format(port=port))
        server.cloud.public = one.init()
        document = ConfigurationDocument(
            version=1,
            gateway=one.gateway,
            sources=FRIDGE.format(port=port).replace("channel = 2", "channel = 7"),
        )
        wanted = document_hash(document)

        def is_applied() -> bool:
            offered = not any(s.sha256 == wanted for s in standings(server.cloud))
            if offered and not server.mailbox:
                offer(server, document)
            return any(
                s.sha256 == wanted and s.stage is Stage.APPLIED for s in standings(server.cloud)
            )

        try:
            for _ in range(KILLS):
                offer(server, document)
                one.start()
                requests = server.requests + rng.randrange(1, 5)
                await until(lambda at=requests: server.requests >= at, 20)  # type: ignore[misc]
                one.kill()
            one.start()
            await until(is_applied, 40)
            count = len(server.cloud.order)
            await until(lambda: len(server.cloud.order) >= count + 3, 20)
        finally:
            one.kill()
        said = {(s.version, s.stage) for s in standings(server.cloud)}
        assert said <= {(1, Stage.TRIAL), (1, Stage.APPLIED)}
        newest = [server.cloud.bodies[place] for place in server.cloud.order[-2:]]
        assert {c for body in newest for c, *_ in expand(body)} == {1, 7}
