"""Where refused bytes go, within bounds that no sender can exceed.

Used by the intake and the sequencer. A key we do not know: counted, and its hash kept in a
ring of fixed size. A key we know: the bytes and one JSON line (what, where, remedy), at most
1 MiB a day per key and 1 GiB over all; the oldest day goes first. Beyond a bound only counted.
Thread-safe: the verifying workers and the sequencer both write.
"""

import datetime as dt
import hashlib
import json
import os
import shutil
import struct
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from cloud.ingest.reasons import REASONS

RING_BYTES = 64 << 20
KEY_DAY_BYTES = 1 << 20
TOTAL_BYTES = 1 << 30
_ENTRY = struct.Struct("<Qq8sI4s32s")  # number + 1, recv_ms, kid, length, via, SHA-256
ENTRY_BYTES = _ENTRY.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Bytes that were not taken; `gateway` is empty when the key is not known."""

    data: bytes
    kid: bytes
    gateway: str
    via: str
    code: str
    message: str
    recv_ms: int


class Quarantine:
    """The refused, under `folder`; sizes are parameters so that tests can reach them."""

    def __init__(
        self,
        folder: Path,
        *,
        ring_bytes: int = RING_BYTES,
        key_day_bytes: int = KEY_DAY_BYTES,
        total_bytes: int = TOTAL_BYTES,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.counts: Counter[str] = Counter()
        self.by_gateway: Counter[str] = Counter()
        self.folder = folder
        self._key_day_bytes = key_day_bytes
        self._total_bytes = total_bytes
        self._lock = threading.Lock()
        self._ring = _Ring(folder / "unknown.ring", ring_bytes)
        self._day = ""
        self._used: dict[str, int] = {}
        self._total = _size(folder)

    @property
    def unknown_seen(self) -> int:
        """Return how many batches of unknown keys were ever counted."""
        return self._ring.count

    def put(self, refused: Refused) -> None:
        """Count, and keep as much as the bounds allow."""
        with self._lock:
            self.counts[refused.code] += 1
            try:
                if refused.gateway:
                    self.by_gateway[refused.gateway] += 1
                    self._keep(refused)
                else:
                    self._ring.put(refused)
            except OSError:
                # A full disk may cost what was refused, never what can be taken.
                self.counts["quarantine-error"] += 1

    def close(self) -> None:
        """Close the ring's file."""
        self._ring.close()

    def _keep(self, refused: Refused) -> None:
        day = dt.datetime.fromtimestamp(refused.recv_ms / 1000, dt.UTC).strftime("%Y-%m-%d")
        if day != self._day:
            self._open_day(day)
        kid = refused.kid.hex()
        line = _line(refused, f"{day}/{kid}.bin", self._offset(kid))
        cost = len(refused.data) + len(line)
        used = self._used.get(kid, 0)
        if used + cost > self._key_day_bytes or not self._room(cost):
            self.counts["quarantine-full"] += 1
            return
        _append(self.folder / day / f"{kid}.bin", refused.data)
        _append(self.folder / day / f"{kid}.jsonl", line)
        self._used[kid] = used + cost
        self._total += cost

    def _open_day(self, day: str) -> None:
        folder = self.folder / day
        folder.mkdir(exist_ok=True, mode=0o700)
        self._day = day
        self._used = {}
        for file in folder.iterdir():
            self._used[file.stem] = self._used.get(file.stem, 0) + file.stat().st_size

    def _offset(self, kid: str) -> int:
        file = self.folder / self._day / f"{kid}.bin"
        return file.stat().st_size if file.exists() else 0

    def _room(self, cost: int) -> bool:
        days = sorted(d for d in self.folder.iterdir() if d.is_dir() and d.name != self._day)
        while self._total + cost > self._total_bytes and days:
            shutil.rmtree(days.pop(0))
            self._total = _size(self.folder)
        return self._total + cost <= self._total_bytes


class _Ring:
    """Fixed-size entries written round and round; the highest number says where it stands."""

    def __init__(self, file: Path, size_bytes: int) -> None:
        self._slots = size_bytes // ENTRY_BYTES
        self._fd = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(self._fd, self._slots * ENTRY_BYTES)  # sparse until written
        self.count = self._last()

    def put(self, refused: Refused) -> None:
        at = self.count % self._slots * ENTRY_BYTES
        self.count += 1
        digest = hashlib.sha256(refused.data).digest()
        via = refused.via.encode()[:4]
        entry = (self.count, refused.recv_ms, refused.kid, len(refused.data), via, digest)
        os.pwrite(self._fd, _ENTRY.pack(*entry), at)

    def close(self) -> None:
        os.close(self._fd)

    def _last(self) -> int:
        # Slot i of the newest round holds the highest number: bisect for the turning point.
        first = self._number(0)
        low, high = 0, self._slots - 1
        while low < high:
            middle = (low + high + 1) // 2
            if first and self._number(middle) >= first:
                low = middle
            else:
                high = middle - 1
        return self._number(low)

    def _number(self, slot: int) -> int:
        entry = os.pread(self._fd, ENTRY_BYTES, slot * ENTRY_BYTES)
        return int(_ENTRY.unpack(entry)[0])


def _line(refused: Refused, file: str, offset: int) -> bytes:
    reason = REASONS[refused.code]
    document = {
        "at_ms": refused.recv_ms,
        "gateway": refused.gateway,
        "kid": refused.kid.hex(),
        "via": refused.via,
        "code": refused.code,
        "what": f"{reason.what}: {refused.message}",
        "where": {"file": file, "offset": offset, "length": len(refused.data)},
        "sha256": hashlib.sha256(refused.data).hexdigest(),
        "remedy": reason.remedy,
    }
    return json.dumps(document, ensure_ascii=False).encode() + b"\n"


def _append(file: Path, data: bytes) -> None:
    fd = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(fd, "wb") as out:
        out.write(data)


def _size(folder: Path) -> int:
    return sum(f.stat().st_size for f in folder.glob("*/*") if f.is_file())
