"""`coldwarden-cloud`: the server and what its operator does with it.

Exit codes: 0 done; 1 a check failed or something was refused; 2 it cannot be done so, with the
remedy. `--json` prints one JSON document on stdout; progress goes to stderr.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cloud import (
    backup,
    ca_command,
    certificates_command,
    claim_command,
    configure_command,
    doctor,
    ingest_outbox,
    install,
    registry_command,
    user_command,
)
from cloud.config import SETTINGS_HELP, Config, load_config
from cloud.errors import BackupError, CloudError
from cloud.opening import load_keys, open_registry_store
from evidence.errors import EvidenceError, LogInUseError

DONE, FAILED, WRONG = 0, 1, 2
_DESCRIPTION = """\
Takes signed batches from gateways, archives them, proves that it did, and shows what they say.

  coldwarden-cloud init DIR                     a new installation in DIR
  coldwarden-cloud run --config DIR/cloud.toml  serve until stopped
  coldwarden-cloud doctor --config ...          what is wrong, and what to do

An auditor checks the archive without this program: coldwarden-verify DIR/archive --trust ...
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.command(arguments))
    except LogInUseError as error:
        return _complain(f"{error}", WRONG)
    except BackupError as error:
        return _complain(f"refused: {error}", FAILED)
    except (CloudError, EvidenceError) as error:
        return _complain(str(error), WRONG)
    except OSError as error:
        return _complain(f"{error}; check the path and its owner", WRONG)


def _complain(message: str, code: int) -> int:
    print(f"coldwarden-cloud: {message}", file=sys.stderr)
    return code


def _init(arguments: argparse.Namespace) -> int:
    wishes = install.Wishes(
        log_name=arguments.log_name,
        host=arguments.host,
        port=arguments.port,
        segment_mib=arguments.segment_mib,
    )
    config, origin = install.install(arguments.folder, wishes)
    keys = load_keys(config)
    made = {
        "config": str(config.file),
        "registry": config.registry_url,
        "trust": str(config.trust_dir),
        "log_origin": origin,
        "log_key": keys.log.public.to_text(),
        "control_key": keys.control.public.to_text(),
    }
    lines = [f"{name:12} {value}" for name, value in made.items()]
    lines += ["", f"Next: copy {config.log_key.parent} to a safe, import your sites"]
    lines += ["(coldwarden-cloud registry import --help), then run:"]
    lines += [f"coldwarden-cloud run --config {config.file}"]
    return _print(arguments, made, lines)


def _run(arguments: argparse.Namespace) -> int:
    # Only this command serves: the others start twice as fast without a web server.
    from cloud.compose import open_server  # noqa: PLC0415

    server = open_server(_config(arguments))
    server.run(lambda address: print(f"serving {address}", flush=True))
    return DONE


def _doctor(arguments: argparse.Namespace) -> int:
    found = list(doctor.examine(_config(arguments)))
    lines = []
    for one in found:
        lines.append(f"{one.state:4}  {one.name:10} {one.detail}")
        lines += [f"      {'':10} -> {one.remedy}"] if one.remedy else []
    _print(arguments, [asdict(one) for one in found], lines)
    return FAILED if any(one.state is doctor.State.FAIL for one in found) else DONE


def _backup(arguments: argparse.Namespace) -> int:
    outcome = backup.backup(_config(arguments), arguments.destination)
    line = (
        f"{outcome.records} records of {outcome.origin} in {arguments.destination}, read back "
        f"and proven by the signed root {outcome.root}; {outcome.new_bytes} bytes were copied"
    )
    return _print(arguments, asdict(outcome), [line])


def _restore(arguments: argparse.Namespace) -> int:
    outcome = backup.restore(arguments.source, arguments.destination, arguments.keys)
    lines = [
        f"{outcome.records} records restored to {arguments.destination} and proven",
        "The next start opens a new log and asks the gateways for what came later.",
    ]
    return _print(arguments, asdict(outcome), lines)


def _ingest_outbox(arguments: argparse.Namespace) -> int:
    def on_progress(done: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{done} batches", end="", file=sys.stderr)

    counts = ingest_outbox.ingest_outbox(_config(arguments), arguments.card, on_progress)
    lines = [f"{count:8} {what}" for what, count in sorted(counts.items())]
    _print(arguments, dict(counts), lines or ["no batches on this card"])
    return DONE if set(counts) <= {"receipted"} else FAILED


def _rebuild(arguments: argparse.Namespace) -> int:
    from cloud.rebuild import rebuild  # noqa: PLC0415 - as above

    rebuilt = rebuild(_config(arguments), _show_progress)
    lines = []
    for one in rebuilt:
        said = "same as before" if one.before else "nothing to compare with"
        said = "DIFFERS from before" if one.differs else said
        lines.append(f"{one.after.name:12} {one.after.lines:9} lines, {said}")
    _print(arguments, [asdict(one) for one in rebuilt], lines)
    return FAILED if any(one.differs for one in rebuilt) else DONE


def _export(arguments: argparse.Namespace) -> int:
    from cloud.rebuild import export  # noqa: PLC0415 - as above

    for line in export(_config(arguments), arguments.name):
        print(line)
    return DONE


def _show_progress(name: str, done: int, of: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if done >= of else ""
        print(f"\r{name}: {done} of {of} records", end=end, file=sys.stderr)


def _config(arguments: argparse.Namespace) -> Config:
    return load_config(arguments.config)


def _print(arguments: argparse.Namespace, document: object, lines: Sequence[str]) -> int:
    if arguments.json:
        print(json.dumps(document, ensure_ascii=False))
    else:
        print("\n".join(lines))
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="coldwarden-cloud",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_init(commands)
    one = _add(commands, "run", _run, "serve until SIGINT or SIGTERM")
    one.formatter_class, one.epilog = argparse.RawDescriptionHelpFormatter, SETTINGS_HELP
    _add(commands, "rebuild", _rebuild, "drop the projections, make them anew, compare")
    one = _add(commands, "export", _export, "print a projection in its canonical form")
    one.add_argument("name", choices=("timeseries", "alarms", "latest"), help="which one")
    _add(commands, "doctor", _doctor, "check keys, registry, archive, disk, clock, backup")
    one = _add(commands, "backup", _backup, "copy what is new, prove the copy, log it")
    one.add_argument("destination", type=Path, metavar="DEST", help="folder of the backup")
    _add_restore(commands)
    registry_command.add_to(commands, _add)
    certificates_command.add_to(commands, _add)
    ca_command.add_to(commands, _add)
    claim_command.add_to(commands, _add)
    configure_command.add_to(commands, _add)
    user_command.add_to(commands, _add, lambda a: open_registry_store(_config(a)))
    one = _add(commands, "ingest-outbox", _ingest_outbox, "take in a dead gateway's card")
    one.add_argument("card", type=Path, metavar="DIR", help="its state or outbox folder")
    return parser


def _add_init(commands: Any) -> None:  # noqa: ANN401 - argparse names no type for it
    one = _add(commands, "init", _init, "make keys, configuration, registry, first log")
    one.add_argument("folder", type=Path, metavar="DIR", help="new or empty folder")
    one.add_argument(
        "--log-name",
        default="coldwarden.example/log",
        metavar="NAME",
        help="name of the log without the year, yours for ever: example.org/log",
    )
    one.add_argument("--host", default="127.0.0.1", help="address to serve on")
    one.add_argument("--port", type=int, default=8080, help="port to serve on")
    one.add_argument("--segment-mib", type=int, default=32, help="size of archive files")


def _add_restore(commands: Any) -> None:  # noqa: ANN401 - argparse names no type for it
    one = _add(commands, "restore", _restore, "make an installation from a backup")
    one.add_argument("source", type=Path, metavar="SRC", help="folder of the backup")
    one.add_argument("destination", type=Path, metavar="DEST", help="new or empty folder")
    one.add_argument(
        "--keys", type=Path, required=True, help="folder with log.key and control.key"
    )


def _add(
    commands: Any,  # noqa: ANN401 - argparse names no type for it
    name: str,
    command: Callable[[argparse.Namespace], int],
    summary: str,
) -> argparse.ArgumentParser:
    one: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=f"{summary[0].upper()}{summary[1:]}."
    )
    one.set_defaults(command=command)
    one.add_argument("--json", action="store_true", help="print one JSON document")
    if name not in {"init", "restore"}:
        one.add_argument(
            "--config",
            type=Path,
            default=Path(install.CONFIG_NAME),
            metavar="FILE",
            help="default: cloud.toml in the present folder",
        )
    return one


if __name__ == "__main__":
    sys.exit(main())
