"""`coldwarden-gateway`: run it, look at it, examine it, make its key.

Exit code 0 when all is well, 1 when something is not, 2 when it could not be done as asked.
"""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from edge.errors import SourceConfigError
from evidence.errors import EvidenceError
from gateway_firmware_py.config.read import load_settings
from gateway_firmware_py.config.settings import Settings
from gateway_firmware_py.discovering.arguments import add_discover
from gateway_firmware_py.enrolment.cli import add_commands
from gateway_firmware_py.errors import CloudUnreachedError, FirmwareError

DEFAULT_CONFIG = Path("/etc/coldwarden/gateway.toml")
OK, NOT_WELL, NOT_DONE = 0, 1, 2

DESCRIPTION = """\
Reads probes and scanners, judges, signs and records what they say, and brings it to the cloud.

first time:   coldwarden-gateway enrol CLAIM   make the keys and get certificate and settings
              coldwarden-gateway doctor        see what is still missing
then:         coldwarden-gateway run           record until it is told to stop (SIGTERM)
any time:     coldwarden-gateway status        how it is doing
              coldwarden-gateway discover      which devices are on a bus or a broker
              coldwarden-gateway rotate        change the evidence key
by hand:      coldwarden-gateway init          make the key, print its public half to enrol
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    asked = _parser().parse_args(arguments)
    try:
        return int(asked.command(asked))
    except (FirmwareError, EvidenceError, SourceConfigError) as error:
        if asked.json:
            print(json.dumps({"error": str(error)}))
        else:
            print(f"coldwarden-gateway: {error}", file=sys.stderr)
        return NOT_WELL if isinstance(error, CloudUnreachedError) else NOT_DONE
    except KeyboardInterrupt:
        return NOT_WELL


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="coldwarden-gateway",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--config",
        type=Path,
        default=DEFAULT_CONFIG,
        help=f"the configuration (default: {DEFAULT_CONFIG})",
    )
    shared.add_argument("--json", action="store_true", help="answer in JSON, for scripts")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command, text in (
        ("run", run, "record and send until SIGTERM"),
        ("status", status, "how the running gateway is doing"),
        ("doctor", doctor, "look for what is wrong, with the remedy; changes nothing"),
        ("init", init, "make the state directory and the key; print the public key"),
    ):
        added = commands.add_parser(name, parents=[shared], help=text, description=text)
        added.set_defaults(command=_configured(command))
    add_commands(commands, shared)
    add_discover(commands)
    return parser


class Command(Protocol):
    """What a command does with the configuration; returns the exit code."""

    def __call__(self, settings: Settings, *, as_json: bool) -> int:
        """Do it."""


def _configured(command: Command) -> Callable[[argparse.Namespace], int]:
    """Return the command with its configuration loaded first."""
    return lambda asked: command(load_settings(asked.config), as_json=asked.json)


def run(settings: Settings, *, as_json: bool) -> int:
    """Record and send until SIGTERM or SIGINT."""
    from gateway_firmware_py.compose import run_gateway  # noqa: PLC0415 -- the others are quick
    from gateway_firmware_py.supervisor import Supervisor  # noqa: PLC0415

    del as_json  # the log is for people; the status file is for scripts
    _log_to_stderr()

    async def until_told() -> None:
        turn, told = asyncio.Event(), asyncio.Event()

        def tell() -> None:
            told.set()
            turn.set()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, tell)
        supervisor, now = Supervisor(os.environ), settings
        await run_gateway(now, supervisor, turn)
        # The turn ended by itself: another key or enrolment is in place. A supervisor that was
        # told of the end begins the program again; without one it begins again here.
        while not told.is_set() and not supervisor.is_there:
            turn.clear()
            now = load_settings(settings.file)
            await run_gateway(now, supervisor, turn)

    asyncio.run(until_told())
    return OK


def status(settings: Settings, *, as_json: bool) -> int:
    """Print the last status of the gateway; not well when there is none or it is old."""
    from gateway_firmware_py.status_file import read_status  # noqa: PLC0415
    from gateway_firmware_py.status_text import STALE_MS, status_lines  # noqa: PLC0415

    found = read_status(settings.status_file)
    if found is None:
        problem = f"no status in {settings.status_file}; is the gateway running?"
        print(json.dumps({"error": problem}) if as_json else problem)
        return NOT_WELL
    at_ms = found.get("at_ms")
    age_ms = int(time.time() * 1000) - at_ms if isinstance(at_ms, int) else STALE_MS
    if as_json:
        print(json.dumps({**found, "age_ms": age_ms}))
    else:
        print("\n".join(status_lines(found, age_ms)))
    return OK if age_ms < STALE_MS else NOT_WELL


def doctor(settings: Settings, *, as_json: bool) -> int:
    """Print every check; not well when one failed."""
    from gateway_firmware_py.configuring.starting import settings_in_force  # noqa: PLC0415
    from gateway_firmware_py.doctor import examine  # noqa: PLC0415 -- not for every command

    async def examine_all() -> bool:
        well = True
        async for check in examine(settings_in_force(settings)):
            well = well and check.ok
            if as_json:
                fields = {"name": check.name, "ok": check.ok, "what": check.what}
                print(json.dumps({**fields, "remedy": check.remedy}), flush=True)
            else:
                print(f"{'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.what}")
                if check.remedy:
                    print(f"      remedy: {check.remedy}", flush=True)
        return well

    return OK if asyncio.run(examine_all()) else NOT_WELL


def init(settings: Settings, *, as_json: bool) -> int:
    """Make the key if there is none, and print what the cloud's registry needs."""
    from gateway_firmware_py.identity import make_key  # noqa: PLC0415

    identity = settings.identity
    key, made = make_key(identity.key)
    text, kid = key.public.to_text(), key.kid.hex()
    if as_json:
        fields = {"gateway": identity.gateway, "site": identity.site, "key": text, "kid": kid}
        print(json.dumps({**fields, "made": made}))
        return OK
    print(f"{'made' if made else 'found'} {identity.key}, kid {kid}")
    print("enrol it in the cloud's registry:\n")
    print("[[gateway]]")
    print(f'id = "{identity.gateway}"\nsite = "{identity.site}"\nkeys = ["{text}"]')
    return OK


def _log_to_stderr() -> None:
    # Under systemd the journal has the time already.
    stamp = "" if "JOURNAL_STREAM" in os.environ else "%(asctime)s "
    plain = f"{stamp}%(levelname)s %(name)s: %(message)s"
    logging.basicConfig(level=logging.INFO, format=plain, stream=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
