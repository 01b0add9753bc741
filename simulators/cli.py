"""`coldwarden-sim`: a pharmacy without hardware, a link that fails, the demo.

Exit codes: 0 done, 1 the run failed, 2 it was asked for something that cannot be.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from simulators.errors import SimulatorError, UsageError
from simulators.happenings import HABITS
from simulators.link_command import parse_schedule, storm
from simulators.link_frames import SPLITTERS
from simulators.link_process import LinkOptions, run_link
from simulators.points import modbus_text, mqtt_text, rtu_text, scanner_text
from simulators.registry_document import pharmacy
from simulators.site import SERIAL_BAUD, Site, SiteOptions

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2

ABOUT = """\
Refrigerators, sensors and links without hardware.

  coldwarden-sim demo                        the whole system on this machine, in the browser
  coldwarden-sim site                        a pharmacy's Modbus devices and its scanner
  coldwarden-sim site --mqtt 127.0.0.1:1883  with its MQTT sensors, on a broker of yours
  coldwarden-sim link --to HOST:PORT         a TCP link that you can cut
"""
SITE_ABOUT = """\
Run a simulated pharmacy in the foreground: three refrigerators, a cool room, a door contact,
the mains and a scanner. It prints what to put into gateway.toml to read it, and what to put
into the registry. The same seed is the same day. Physics may run faster than the clocks
(--scale 60: an hour in a minute); every reading still carries real time.

  coldwarden-sim site --modbus-port 5020 --seed 7 --habit busy
"""
LINK_ABOUT = """\
Carry TCP connections from --listen to --to, and fail on command. Commands are JSON, one a line,
on standard input; the link ends when its input ends. The first line printed names the port.

  {"do": "cut", "seconds": 40}      reset what is open and refuse the rest; also stall, hold
  {"do": "restore"}  {"do": "drop"}
  {"do": "lose", "direction": "down"}      lose the next reply; also repeat, swap ("count": 3)
  {"do": "slow", "direction": "up", "seconds": 0.3}

--schedule takes a file with a list of the same, each with "at_s"; --storm makes one by chance.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["demo"]:
        # Looked up when asked for: it starts the real programs, which the rest can do without.
        return int(import_module("simulators.demo").main(arguments[1:]))
    options = _parser().parse_args(arguments)
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # errors are ours to tell
    try:
        return int(options.run(options))
    except UsageError as exc:
        print(f"coldwarden-sim: {exc}", file=sys.stderr)
        return EXIT_USAGE
    except SimulatorError as exc:
        print(f"coldwarden-sim: {exc}", file=sys.stderr)
        return EXIT_FAILED


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="coldwarden-sim", description=ABOUT, formatter_class=raw
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("demo", help="the whole system; see: coldwarden-sim demo --help")
    site = commands.add_parser(
        "site", help="a pharmacy's sensors", description=SITE_ABOUT, formatter_class=raw
    )
    link = commands.add_parser(
        "link", help="a TCP link that fails", description=LINK_ABOUT, formatter_class=raw
    )
    _site_parser(site)
    _link_parser(link)
    return parser


def _site_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=1, help="decides everything (default 1)")
    parser.add_argument("--scale", type=float, default=1.0, help="scenario seconds a second")
    parser.add_argument("--start-hour", type=float, default=10.0, help="time of day at start")
    parser.add_argument("--habit", default="normal", choices=sorted(HABITS), help="door use")
    parser.add_argument("--no-outages", action="store_true", help="the mains never fail")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--modbus-port", type=int, default=5020, help="0 chooses a free one")
    parser.add_argument("--scanner-port", type=int, default=5021, help="0 chooses a free one")
    parser.add_argument("--rtu", action="store_true", help="offer a serial line instead of TCP")
    parser.add_argument("--scan-every", type=float, default=0.0, metavar="S", help="scan codes")
    parser.add_argument("--mqtt", metavar="HOST:PORT", help="broker for the MQTT sensors")
    parser.add_argument("--mqtt-every", type=float, default=5.0, metavar="S", help="report")
    parser.add_argument("--gateway", default="gw-demo-01", help="gateway id in the registry")
    parser.add_argument("--site", default="chs-001", help="site id in the registry")
    parser.add_argument("--ledger", type=Path, help="write every answer to this file")
    parser.add_argument("--json", action="store_true", help="print ports as one JSON line")
    parser.set_defaults(run=_run_site)


def _link_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--listen", default="127.0.0.1:0", metavar="HOST:PORT")
    parser.add_argument("--to", required=True, metavar="HOST:PORT", help="where it leads")
    parser.add_argument("--protocol", default="bytes", choices=sorted(SPLITTERS))
    parser.add_argument("--schedule", type=Path, help="JSON list of commands with at_s")
    parser.add_argument("--storm", type=int, metavar="SEED", help="an hour of bad weather")
    parser.set_defaults(run=_run_link)


def _run_site(options: argparse.Namespace) -> int:
    chosen = SiteOptions(
        seed=options.seed,
        scale=options.scale,
        start_hour=options.start_hour,
        habit=options.habit,
        outages=not options.no_outages,
        host=options.host,
        modbus_port=options.modbus_port,
        scanner_port=options.scanner_port,
        serial=options.rtu,
        mqtt=None if options.mqtt is None else _address(options.mqtt),
        mqtt_period_s=options.mqtt_every,
        scan_period_s=options.scan_every,
        ledger=options.ledger,
    )
    asyncio.run(_serve_site(chosen, options))
    return EXIT_OK


async def _serve_site(chosen: SiteOptions, options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with Site(chosen) as site:
        _introduce(site, options)
        await stop.wait()
    print(f"stopped; served: {site.ledger.counts}", file=sys.stderr)


def _introduce(site: Site, options: argparse.Namespace) -> None:
    if options.json:
        ports: dict[str, object] = {"modbus": site.modbus_port, "scanner": site.scanner_port}
        ports["serial"] = site.serial_port
        print(json.dumps(ports), flush=True)
        return
    host, mqtt = site.options.host, site.options.mqtt
    print("# --- into gateway.toml ---")
    if site.serial_port:
        print(rtu_text(site.serial_port, SERIAL_BAUD, 10_000))
    else:
        print(modbus_text(host, site.modbus_port, 10_000))
    if mqtt is not None:
        print(mqtt_text(*mqtt))
    print(scanner_text(host, site.scanner_port))
    print("# --- into registry.json, for: coldwarden-cloud registry import registry.json ---")
    document = pharmacy(options.site, options.gateway, with_mqtt=mqtt is not None)
    print(json.dumps(document, ensure_ascii=False, indent=1), flush=True)
    print("simulated site is running; Ctrl-C ends it", file=sys.stderr)


def _run_link(options: argparse.Namespace) -> int:
    schedule = []
    if options.schedule is not None:
        try:
            schedule += parse_schedule(options.schedule.read_text())
        except OSError as exc:
            raise UsageError(f"cannot read the schedule: {exc}") from exc
    if options.storm is not None:
        schedule += storm(options.storm, 3600.0)
    chosen = LinkOptions(
        listen=_address(options.listen),
        upstream=_address(options.to),
        protocol=options.protocol,
        schedule=tuple(schedule),
    )
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run_link(chosen, sys.stdout))
    return EXIT_OK


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise UsageError(f"expected HOST:PORT such as 127.0.0.1:1883, got {text!r}")
    return host, int(port)


if __name__ == "__main__":
    sys.exit(main())
