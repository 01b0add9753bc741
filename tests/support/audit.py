"""What a fault has done, found out without believing either program.

Used at the end of each fault test, when the processes have ended. Readings are counted at both
ends (`simulators.tally`), signatures and chains are the offline verifier's business, and what
people were told is in the webhooks.
"""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from simulators.installation import SITE, Installation
from simulators.points import site_points
from simulators.program import answer_of, run
from simulators.tally import Tally, read_export, tally
from simulators.webhook_sink import Delivery

TRUE_IN_AN_OUTAGE = frozenset({"silent", "gap"})
"""Alarms that an outage raises truly; every other kind would be a false one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What was found when everything had settled; the verifier's reports as JSON.

    `projected` is the number of readings that the time series holds.
    """

    tally: Tally
    projected: int
    archive: Mapping[str, object]
    outbox: Mapping[str, object]
    alarms: Sequence[Mapping[str, object]]

    def assert_clean(self) -> None:
        """Fail unless nothing was lost, doubled, forked or falsely reported."""
        self.assert_told_only(())
        assert self.outbox["passed"], self.outbox

    def assert_told_only(self, kinds: Collection[str]) -> None:
        """Fail unless nothing was lost or doubled, and exactly these kinds were told."""
        assert self.tally.clean, self.tally
        assert self.tally.taken > 0
        assert self.archive["passed"], self.archive
        told = {str(alarm["kind"]) for alarm in self.alarms} - TRUE_IN_AN_OUTAGE
        assert told == set(kinds), [a for a in self.alarms if a["kind"] in told ^ set(kinds)]

    @property
    def noted(self) -> Counter[str]:
        """Return what the verifier found the evidence to say of its gateways."""
        findings = self.archive["findings"]
        assert isinstance(findings, list)
        return Counter(str(found["finding"]) for found in findings)


def audit(
    built: Installation, deliveries: Sequence[Delivery], outbox: Path | None = None
) -> Audit:
    """Return what became of everything; every process has ended.

    `outbox` is the gateway's state folder; by default the installation's own.
    """
    outbox = outbox or built.outbox
    channels = {f"{SITE}-{p.channel:02d}": p.channel for p in site_points(with_mqtt=False)}
    lines = exported(built)
    found = tally(outbox, built.archive, read_export(lines, channels))
    return Audit(
        tally=found,
        projected=len(lines),
        archive=verified(built.archive, built.trust),
        outbox=verified(outbox, built.trust),
        alarms=[dict(delivery.document) for delivery in deliveries],
    )


def exported(built: Installation) -> list[str]:
    """Return the time series as the cloud exports it, a line of JSON per reading."""
    config = ["--config", str(built.folder / "cloud.toml")]
    return run(["coldwarden-cloud", "export", "timeseries", *config]).splitlines()


def verified(folder: Path, trust: Path) -> Mapping[str, object]:
    """Return what `coldwarden-verify` says of an archive or an outbox."""
    answer = answer_of(["coldwarden-verify", str(folder), "--trust", str(trust), "--json"])
    return dict(json.loads(answer))
