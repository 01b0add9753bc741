"""Keeps configurations and how far each is, so that a power cut finds a legal state.

    state_dir/configuration/state          which is in force, on trial, refused; replaced whole
    state_dir/configuration/<sha256>.cbor  the documents, named by their hash; written first

Used at start, by the disk thread, and by enrolment, which puts the first configuration here. A
document whose bytes do not have their name's hash is not used. Those that no state names any
more are removed.
"""

from pathlib import Path

from evidence import cbor
from evidence.configuration import (
    MAX_DOCUMENT_BYTES,
    ConfigurationDocument,
    Stage,
    Standing,
    decode_document,
    document_hash,
    encode_document,
    standing_of,
)
from evidence.disk import REAL_DISK, Disk, write_file
from evidence.errors import WireError
from gateway_firmware_py.configuring.errors import KeptConfigurationError
from gateway_firmware_py.configuring.trial import Before, Kept, OnTrial, Settled, Version

FOLDER = "configuration"
STATE = "state"


class ConfigurationStore:
    """See the module; one owner."""

    def __init__(self, state_dir: Path, *, disk: Disk = REAL_DISK) -> None:
        self._folder = state_dir / FOLDER
        self._disk = disk

    def load(self) -> Kept:
        """Return what was kept last, `Settled()` when nothing was.

        Raises:
            KeptConfigurationError: the state cannot be read.
        """
        try:
            return decode_kept((self._folder / STATE).read_bytes())
        except FileNotFoundError:
            return Settled()
        except (OSError, WireError) as error:
            raise KeptConfigurationError(f"{self._folder / STATE}: {error}") from error

    def save(self, kept: Kept) -> None:
        """Make `kept` durable; the documents that it names are there already.

        Raises:
            LogFullError, StorageFaultError: the state is as it was.
        """
        self._folder.mkdir(mode=0o700, exist_ok=True)
        write_file(self._folder / STATE, encode_kept(kept), disk=self._disk)
        self._tidy(kept)

    def put(self, document: ConfigurationDocument) -> Version:
        """Make a document durable and return its version; in force it is only by `save`.

        Raises:
            LogFullError, StorageFaultError: it is not kept.
        """
        version = version_of(document)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        write_file(self._path(version), encode_document(document), disk=self._disk)
        return version

    def get(self, version: Version) -> ConfigurationDocument:
        """Return a document.

        Raises:
            KeptConfigurationError: it is not there, or not what was kept.
        """
        path = self._path(version)
        try:
            with path.open("rb") as file:
                document = decode_document(file.read(MAX_DOCUMENT_BYTES + 1))
        except (OSError, WireError) as error:
            raise KeptConfigurationError(f"{path}: {error}") from error
        if document_hash(document) != version.sha256:
            raise KeptConfigurationError(f"{path}: not the document that was kept here")
        return document

    def _path(self, version: Version) -> Path:
        return self._folder / f"{version.sha256.hex()}.cbor"

    def _tidy(self, kept: Kept) -> None:
        named = {self._path(version) for version in _versions(kept)}
        for path in self._folder.glob("*.cbor*"):
            if path not in named:
                path.unlink(missing_ok=True)


def version_of(document: ConfigurationDocument) -> Version:
    """Return the version that a document is."""
    return Version(number=document.version, sha256=document_hash(document))


def _versions(kept: Kept) -> list[Version]:
    newest = kept.version if isinstance(kept, OnTrial) else kept.current
    return [version for version in (newest, kept.previous) if version is not None]


def encode_kept(kept: Kept) -> bytes:
    """Return the bytes of the state file."""
    match kept:
        case Settled(current=current, previous=previous, refused=refused):
            said = dict(refused.fields) if refused is not None else None
            return cbor.encode({1: _spelt(previous), 2: _spelt(current), 3: said})
        case OnTrial(version=version, previous=previous, before=before, starts=starts):
            trial = [_spelt(version), before.polled, before.linked, starts]
            return cbor.encode({1: _spelt(previous), 4: trial})


def decode_kept(data: bytes) -> Kept:
    """Return the state of a state file.

    Raises:
        WireError: it holds no state.
    """
    match cbor.decode(data, max_bytes=4096, max_depth=3):
        case {1: previous, 2: current, 3: refused}:
            return Settled(
                current=_version(current),
                previous=_version(previous),
                refused=_refused(refused),
            )
        case {1: previous, 4: [version, bool() as polled, bool() as linked, int() as starts]}:
            return OnTrial(
                version=_one(version),
                previous=_version(previous),
                before=Before(polled=polled, linked=linked),
                starts=starts,
            )
        case _:
            raise WireError("field", "no state of a configuration")


def _spelt(version: Version | None) -> object:
    return None if version is None else [version.number, version.sha256]


def _version(item: object) -> Version | None:
    return None if item is None else _one(item)


def _one(item: object) -> Version:
    match item:
        case [int() as number, bytes() as sha256]:
            return Version(number=number, sha256=sha256)
        case _:
            raise WireError("field", "no version of a configuration")


def _refused(body: object) -> Standing | None:
    if body is None:
        return None
    found = standing_of(body) if isinstance(body, dict) else None
    if found is None or found.stage is not Stage.ROLLED_BACK:
        raise WireError("field", "no refused configuration")
    return found
