"""`coldwarden-sim demo`: the whole system on this machine.

With a terminal: the page's address, one line that is kept up to date, keys to cut and restore
the link and to open a door. Without one (`--seconds N --json`): the same, injected by itself,
and one JSON line at the end. Exit 1 if anything was lost, doubled or unverified.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from simulators.demo_stage import Stage
from simulators.demo_terminal import Terminal, play
from simulators.errors import SimulatorError
from simulators.installation import SITE, Installation
from simulators.mosquitto import mosquitto_path
from simulators.points import site_points
from simulators.program import run, try_run
from simulators.tally import read_export, tally
from simulators.webhook_sink import Delivery

COUNT_S = 300.0
ABOUT = """\
A pharmacy's refrigerators, read by a real gateway, proven by a real cloud, on this machine.
Open the page, cut the link, watch the gateway keep recording and alarming, restore it, and
read what was lost: nothing.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The demo's last line."""

    taken: int
    stored: int
    lost: int
    duplicated: int
    batches: int
    verified: bool
    alarms: int
    alarm_latency_ms_p50: float | None
    alarm_latency_ms_p99: float | None

    @property
    def clean(self) -> bool:
        """Return whether every promise held."""
        return self.verified and not self.lost and not self.duplicated and self.taken > 0


def main(argv: Sequence[str]) -> int:
    """Run the demo and return the exit code."""
    options = _parser().parse_args(argv)
    mqtt = options.uplink == "mqtt" or (
        options.uplink == "auto" and mosquitto_path() is not None
    )
    try:
        with tempfile.TemporaryDirectory(prefix="coldwarden-demo-") as scratch:
            folder = _empty(options.keep) if options.keep else Path(scratch)
            stage = Stage(
                folder=folder.resolve(), seed=options.seed, mqtt=mqtt, port=options.port
            )
            return asyncio.run(_run(stage, options))
    except SimulatorError as error:
        print(f"coldwarden-sim demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _empty(folder: Path) -> Path:
    if folder.exists() and any(folder.iterdir()):
        raise SimulatorError(f"{folder} is not empty; name a new folder")
    return folder


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="coldwarden-sim demo", description=ABOUT)
    parser.add_argument("--seconds", type=float, help="end by itself after that long")
    parser.add_argument("--json", action="store_true", help="one JSON line at the end, no keys")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="leave everything written there"
    )
    parser.add_argument("--seed", type=int, default=1, help="decides everything that happens")
    parser.add_argument("--port", type=int, default=0, help="of the page (default: a free one)")
    parser.add_argument(
        "--uplink", choices=("auto", "https", "mqtt"), default="auto",
        help="auto is MQTT with mutual TLS where Mosquitto is installed, else HTTP",
    )  # fmt: skip
    return parser


async def _run(stage: Stage, options: argparse.Namespace) -> int:
    say = _quiet if options.json else _say
    say("Starting the sensors, the cloud and the gateway ...")
    async with stage:
        seconds = options.seconds or (60.0 if options.json else None)
        await play(stage, Terminal(quiet=options.json), seconds)
        say("Stopping the sources; sealing; waiting for the receipts ...")
        await stage.finish()
    result = await asyncio.to_thread(_count, stage.installation, stage.sink.deliveries)
    _report(result, stage.installation, options)
    return 0 if result.clean else 1


def _count(built: Installation, deliveries: Sequence[Delivery]) -> Result:
    exported = built.folder / "timeseries.jsonl"
    config = ["--config", str(built.folder / "cloud.toml")]
    exported.write_text(run(["coldwarden-cloud", "export", "timeseries", *config], COUNT_S))
    channels = {f"{SITE}-{p.channel:02d}": p.channel for p in site_points(with_mqtt=True)}
    with exported.open() as lines:
        found = tally(built.outbox, built.archive, read_export(lines, channels))
    verified = all(
        try_run(["coldwarden-verify", str(folder), "--trust", str(built.trust)])
        for folder in (built.archive, built.outbox)
    )
    raised = [d for d in deliveries if d.document.get("event") == "raised"]
    waits = [d.at_ms - int(str(d.document["at_ms"])) for d in raised if _is_live(d)]
    return Result(
        taken=found.taken,
        stored=found.stored,
        lost=found.lost + found.missing,
        duplicated=found.duplicated + found.surplus,
        batches=found.batches,
        verified=verified,
        alarms=len(raised),
        alarm_latency_ms_p50=statistics.median(waits) if waits else None,
        alarm_latency_ms_p99=_p99(waits),
    )


def _is_live(delivery: Delivery) -> bool:
    """Return whether an alarm came over a link that was up: latency means nothing else."""
    return delivery.document.get("kind") == "limit" and not delivery.document.get("late")


def _p99(waits: Sequence[int]) -> float | None:
    return sorted(waits)[min(len(waits) - 1, round(len(waits) * 0.99))] if waits else None


def _report(result: Result, built: Installation, options: argparse.Namespace) -> None:
    if options.json:
        print(json.dumps(asdict(result)))
        return
    verified = "all verified" if result.verified else "NOT VERIFIED"
    print(f"\n{result.lost} lost, {result.duplicated} duplicated, {verified}")
    print(
        f"  {result.taken} readings in {result.batches} signed batches, {result.alarms} alarms"
    )
    if options.keep:
        print("Check it yourself, offline:")
        print(f"  coldwarden-verify {built.archive} --trust {built.trust}")


def _say(text: str) -> None:
    print(text, flush=True)


def _quiet(_: str) -> None:
    """Say nothing: a script reads the last line."""
