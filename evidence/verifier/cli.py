"""`coldwarden-verify`: judge an archive or an outbox offline, by pinned keys alone."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from evidence.archive_files import LOG, MANIFEST, RECORDS, log_folders
from evidence.errors import TrustError
from evidence.segment_file import list_segments
from evidence.trust import Trust, load_trust
from evidence.verifier.archive import verify_archive
from evidence.verifier.outbox import BATCHES, verify_outbox
from evidence.verifier.progress import Progress
from evidence.verifier.rendering import as_json, as_text
from evidence.verifier.report import Report

PASSED, FAILED, UNUSABLE = 0, 1, 2

_DESCRIPTION = """\
Check an archive of coldwarden-cloud, or the outbox of a gateway, without any network and
without trusting whoever kept it. Nothing is ever repaired or written.

Every batch must be signed by a pinned gateway and follow the one before it; every record,
log tile, index and checkpoint must be exactly what the batches make. The first place where
something does not hold is named: file and byte, record, gateway, epoch and sequence number.
What the evidence says of a gateway itself (a loss, a cloned card, a clock set back) is a NOTE.
"""
_EPILOG = """\
exit status: 0 everything holds, 1 something does not, 2 the check could not run

The trust folder holds trust.toml: the keys that you believe, which must come to you another
way than the archive does.

example: coldwarden-verify /mnt/copy/archive --trust ./trust
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        trust = load_trust(options.trust)
        report = _verify(options.path, trust)
    except (TrustError, OSError) as error:
        print(f"coldwarden-verify: {error}", file=sys.stderr)
        return UNUSABLE
    if report is None:
        print(
            f"coldwarden-verify: {options.path} is no archive ({MANIFEST}, {RECORDS}/, {LOG}/)"
            f" and no state folder of a gateway ({BATCHES}/)",
            file=sys.stderr,
        )
        return UNUSABLE
    print(as_json(report) if options.json else as_text(report), end="\n" * options.json)
    return PASSED if report.passed else FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="coldwarden-verify",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("path", type=Path, metavar="PATH", help="archive, or outbox folder")
    parser.add_argument(
        "--trust", type=Path, required=True, metavar="DIR", help="folder with trust.toml"
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    return parser


def _verify(path: Path, trust: Trust) -> Report | None:
    """Return the report on whatever lies at `path`, None when it is nothing we know."""
    if any((path / name).exists() for name in (MANIFEST, RECORDS, LOG)):
        folders = [folder / RECORDS for folder in log_folders(path)]
        return _with_progress(folders, lambda told: verify_archive(path, trust, told))
    if (path / BATCHES).is_dir():
        return _with_progress([path / BATCHES], lambda told: verify_outbox(path, trust, told))
    if path.name == BATCHES and path.is_dir():
        return _verify(path.resolve().parent, trust)
    return None


def _with_progress(
    folders: Sequence[Path], verify: Callable[[Callable[[int], None]], Report]
) -> Report:
    files = [path for folder in folders if folder.is_dir() for path in list_segments(folder)]
    progress = Progress(sys.stderr, sum(path.stat().st_size for path in files))
    try:
        return verify(progress.add)
    finally:
        progress.end()
