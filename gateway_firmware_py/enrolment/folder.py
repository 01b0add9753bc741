"""What enrolment keeps in `state_dir/enrolment/`: every file whole or absent, for its owner.

    claim.json      the claim that this device is enrolled under; written last
    anchors.cbor    the pinned root, log key and control key
    ca.pem          the same root, for TLS
    tls.pem         private key and certificates of mutual TLS, one file: replaced in one step
    enrolled.cose   what the cloud said when it took the gateway on
    pending/        the same and what leads to it, until all of it is there
    renewal/        the next TLS key and its request, until the certificate is there
    rotation/       the signed rotation and its answer, until the next evidence key is in place

One at a time changes it (`Folder.held`): a renewal of the running gateway, or a command.
All of it is lost with the card: a new claim enrols the device anew.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from evidence.disk import REAL_DISK, TEMPORARY, Disk, storage_error, write_file
from gateway_firmware_py.errors import EnrolmentError
from gateway_firmware_py.identity import make_state_dir

CLAIM, ANCHORS, CA, TLS, ENROLLED = (
    "claim.json", "anchors.cbor", "ca.pem", "tls.pem", "enrolled.cose",
)  # fmt: skip
TLS_KEY, CSR, REQUEST = "tls.key", "tls.csr", "request.cose"
PENDING, RENEWAL, ROTATION = "pending", "renewal", "rotation"
ANSWER = "answer.cose"
_PRIVATE = 0o600


def _open_private(path: Path, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, _PRIVATE)


PRIVATE_DISK = replace(REAL_DISK, open=_open_private)
"""As the real disk, but new files are for their owner alone."""


class Folder:
    """One folder of small durable files; made when the first is written.

    Raises from every call: LogFullError or StorageFaultError when the disk refuses.
    """

    def __init__(self, path: Path, disk: Disk = PRIVATE_DISK) -> None:
        self.path = path
        self.disk = disk

    def below(self, name: str) -> "Folder":
        """Return the folder `name` in this one."""
        return Folder(self.path / name, self.disk)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep every other process and thread that holds this folder out, waiting for them.

        A process that is killed lets go.
        """
        make_state_dir(self.path)
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes, None when it is not there."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise storage_error(error, self.path / name) from error

    def need(self, name: str) -> bytes:
        """Return a file's bytes; EnrolmentError when it is not there."""
        found = self.read(name)
        if found is None:
            remedy = "enrol the gateway with a new claim"
            raise EnrolmentError(f"{self.path / name} is missing; {remedy}")
        return found

    def write(self, name: str, data: bytes) -> bytes:
        """Put `data` at `name`, durably, and return it."""
        make_state_dir(self.path)
        write_file(self.path / name, data, disk=self.disk)
        return data

    def remove(self, *names: str) -> None:
        """Remove files, in this order, as far as they are there."""
        for name in names:
            try:
                if (self.path / name).exists():
                    self.disk.unlink(self.path / name)
            except OSError as error:
                raise storage_error(error, self.path / name) from error

    def clear(self) -> None:
        """Remove all files of this folder, the folder as well; what names the claim first."""
        self.remove(CLAIM, *self._names())
        with suppress(OSError):
            self.path.rmdir()

    def forget_torn(self) -> None:
        """Remove what a kill left half-written, here and one folder below."""
        for folder in (self, *(self.below(n) for n in (PENDING, RENEWAL, ROTATION))):
            torn = [name for name in folder._names() if name.endswith(TEMPORARY)]  # noqa: SLF001
            folder.remove(*torn)

    def _names(self) -> list[str]:
        def files() -> Iterator[str]:
            with suppress(FileNotFoundError), os.scandir(self.path) as entries:
                yield from (entry.name for entry in entries if entry.is_file())

        return sorted(files())


def enrolment_folder(state_dir: Path, disk: Disk = PRIVATE_DISK) -> Folder:
    """Return the folder of all that enrolment keeps."""
    return Folder(state_dir / "enrolment", disk)
