"""What `coldwarden-gateway discover` can be asked; the rest is loaded when it is.

Used by `gateway_firmware_py.cli`.
"""

import argparse
from typing import Final

DEFAULT_SECONDS: Final = 120.0
DEFAULT_LAST_UNIT: Final = 32


def add_discover(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the program's."""
    text = "look for devices on a bus or a broker by reading only; propose a configuration"
    parser = commands.add_parser("discover", help=text, description=text)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--serial", metavar="PORT", help="a serial port such as /dev/ttyUSB0")
    where.add_argument("--tcp", metavar="HOST[:PORT]", help="a Modbus TCP device or converter")
    where.add_argument("--broker", metavar="HOST[:PORT]", help="an MQTT broker")
    parser.add_argument("--username", default="", help="of the broker")
    parser.add_argument("--password", default="", help="of the broker")
    parser.add_argument(
        "--seconds", type=float, default=DEFAULT_SECONDS, help="how long to look at most"
    )
    parser.add_argument(
        "--units", type=int, default=DEFAULT_LAST_UNIT, help="the highest unit number to try"
    )
    parser.add_argument(
        "--reference", type=float, metavar="CELSIUS", help="what a thermometer beside it says"
    )
    parser.add_argument(
        "--warm", action="store_true", help="tell clones apart: warm a probe by hand meanwhile"
    )
    parser.add_argument(
        "--first-channel", type=int, default=1, help="the first channel number that is free"
    )
    parser.add_argument("--json", action="store_true", help="answer in JSON, for scripts")
    parser.set_defaults(command=_discover)


def _discover(asked: argparse.Namespace) -> int:
    from gateway_firmware_py.discovering.cli import discover  # noqa: PLC0415 -- loads much

    return discover(asked)
