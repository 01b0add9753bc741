"""Keeps Mosquitto's ACL and CRL as the registry says, within seconds and without a restart.

Mosquitto reads both files again on SIGHUP: the ACL counts at once, for open connections too,
the CRL for every new one. Files are replaced as a whole. A crash between writing and telling is
mended at the next start, which always tells.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509

from cloud.enrolment.access_list import DECIDED, AccessList, Judge, acl_text
from device_registry.authority.issuing import Authority
from device_registry.authority.profiles import ms_of
from device_registry.errors import StoreUnavailableError
from device_registry.store.row import Row
from device_registry.store.store import RegistryStore
from evidence.disk import write_file
from evidence.errors import EvidenceError

LOOK_S: Final = 1.0
REFRESH_MS: Final = 3_600_000
"""Certificates end and lists grow old without any change of the registry."""
CRL_REFRESH_MS: Final = 86_400_000
_SECOND_MS: Final = 1000
_KINDS: Final = frozenset({"gateway", "key", "certificate", "revocation"})
_PAGE: Final = 1000
REST_FACTOR: Final = 10.0
MAX_REST_S: Final = 30.0
"""While a large fleet enrols, nine parts of ten of the time are left to others."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerConfig:
    """The files that `mosquitto.conf` names, and the common name of the cloud itself."""

    acl: Path
    crl: Path
    pid_file: Path
    user: str = "ingest"


class BrokerAccess:
    """See the module. `look` is called by one thread at a time."""

    def __init__(
        self,
        config: BrokerConfig,
        store: RegistryStore,
        authority: Authority,
        wall_ms: Callable[[], int],
    ) -> None:
        self.trouble = ""
        """Why the broker could not be told, with the remedy; "" when it was."""
        self._config = config
        self._store = store
        self._authority = authority
        self._wall_ms = wall_ms
        self._seen = -1  # the last audit entry that was looked at
        self._done_ms = 0  # when the files were worked out
        self._is_told = False
        self._poked = threading.Event()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look every second; the files are right when this returns."""
        self.look()
        self._thread = threading.Thread(target=self._run, name="broker-access")
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._ending.set()
        self._poked.set()
        if self._thread is not None:
            self._thread.join()

    def poke(self) -> None:
        """Look at once: somebody has just enrolled."""
        self._poked.set()

    def look(self) -> None:
        """Bring the files up to date, and tell the broker when they changed."""
        try:
            self._look()
        except (StoreUnavailableError, EvidenceError, OSError) as error:
            self._complain(f"access of gateways is not up to date: {error}")

    def access_list(self, now_ms: int) -> AccessList:
        """Return who may come now, as the registry has it."""
        judge = Judge()
        judge.see_retired(self._store.each("gateway", where={"state": "retired"}))
        decided = {
            row.text("kid"): row.valid_from_ms
            for row in self._store.each("revocation", where={"state": sorted(DECIDED)})
        }
        judge.see_keys(self._store.each("key"), decided)
        return judge.access_list(self._unended(now_ms))

    def _look(self) -> None:
        now_ms = self._wall_ms()
        revision = self._store.revision()
        is_due = self._seen < 0 or abs(now_ms - self._done_ms) >= REFRESH_MS
        if is_due or self._concerns_us(revision):
            if self._write(self.access_list(now_ms), now_ms):
                self._is_told = False
            self._done_ms = now_ms
        self._seen = revision
        if not self._is_told:
            self._tell()

    def _run(self) -> None:
        while not self._ending.is_set():
            self._poked.wait(LOOK_S)
            self._poked.clear()
            before_s = time.monotonic()
            self.look()
            took_s = time.monotonic() - before_s
            self._ending.wait(min(MAX_REST_S, REST_FACTOR * took_s))

    def _concerns_us(self, revision: int) -> bool:
        after = self._seen
        while after < revision:
            entries = self._store.audit(after_seq=after, limit=_PAGE)
            if not entries:
                return False
            if any(entry.kind in _KINDS for entry in entries):
                return True
            after = entries[-1].seq
        return False

    def _unended(self, now_ms: int) -> Iterator[Row]:
        for row in self._store.each("certificate"):
            if row.number("not_after") > now_ms:
                yield row

    def _write(self, access: AccessList, now_ms: int) -> bool:
        acl = acl_text(access.gateways, self._config.user).encode()
        is_changed = False
        # The ACL first: it alone shuts a gateway out, should the rest be cut off.
        if _content(self._config.acl) != acl:
            write_file(self._config.acl, acl)
            self._config.acl.chmod(0o640)
            is_changed = True
        return self._write_crl(access, now_ms) or is_changed

    def _write_crl(self, access: AccessList, now_ms: int) -> bool:
        before = _crl(self._config.crl)
        made_ms = 0
        if before is not None:
            made_ms = _made_ms(before)
            serials = {one.serial_number for one in before}
            is_same = serials == {one.serial for one in access.revoked}
            is_ours = before.issuer == self._authority.certificate.subject
            if is_same and is_ours and now_ms - made_ms < CRL_REFRESH_MS:
                return False
        # A reload adds the list to the one in memory, and OpenSSL goes by the later date, in
        # whole seconds: two lists of one second would leave the older one in force.
        made_ms = max(now_ms, made_ms + _SECOND_MS)
        write_file(self._config.crl, self._authority.crl(access.revoked, made_ms))
        self._config.crl.chmod(0o644)
        return True

    def _tell(self) -> None:
        file = self._config.pid_file
        try:
            pid = int(file.read_text())
            if not is_listening(pid):
                return  # it is starting, and is asked again in a second
            os.kill(pid, signal.SIGHUP)
        except (OSError, ValueError) as error:
            self._complain(
                f"the broker is not told who may come: {file}: {error}; start it with this "
                "pid_file, under a user that this program may signal"
            )
            return
        self._is_told = True
        self.trouble = ""

    def _complain(self, trouble: str) -> None:
        if trouble != self.trouble:
            _log.warning("%s", trouble)
        self.trouble = trouble


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _crl(path: Path) -> x509.CertificateRevocationList | None:
    try:
        return x509.load_pem_x509_crl(_content(path))
    except ValueError:
        return None


def _made_ms(crl: x509.CertificateRevocationList) -> int:
    number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    return max(number * _SECOND_MS, ms_of(crl.last_update_utc))


def is_listening(pid: int) -> bool:
    """Return whether the process is Mosquitto, and far enough to take the signal.

    Before it has set its handler, a SIGHUP would end it.

    Raises:
        ProcessLookupError: no such process, or another program.
    """
    try:
        if Path(f"/proc/{pid}/comm").read_text().strip() != "mosquitto":
            raise ProcessLookupError(f"process {pid} is not mosquitto")
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        if Path("/proc/self").exists():
            raise ProcessLookupError(f"no process {pid}") from None
        return True  # not Linux: it cannot be known
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGHUP - 1) & 1)
