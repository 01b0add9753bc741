"""A device to enrol, in a folder of its own."""

import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from evidence.disk import Disk
from evidence.enrolment.answer import Enrolled as Answer
from evidence.enrolment.claim import Claim
from gateway_firmware_py.config.read import DEFAULT_KEY, load_settings
from gateway_firmware_py.config.settings import Settings
from gateway_firmware_py.enrolment.enrol import Device, Means, enrol
from gateway_firmware_py.enrolment.folder import PRIVATE_DISK
from gateway_firmware_py.enrolment.gateway_toml import read_plan
from gateway_firmware_py.enrolment.renewal import Enrolled
from gateway_firmware_py.enrolment.standing import enrolled_gateway
from gateway_firmware_py.identity import EvidenceKey, load_key
from gateway_firmware_py.key_place import read_place


def no_pause(_: float) -> None:
    """Do not wait between tries."""


@dataclass(frozen=True, slots=True)
class Board:
    """One device; `key` as in gateway.toml."""

    folder: Path
    key: str = ""

    @property
    def config(self) -> Path:
        return self.folder / "gateway.toml"

    @property
    def state_dir(self) -> Path:
        return self.folder / "state"

    @property
    def store(self) -> Path:
        return self.state_dir / "enrolment"

    def enrol(self, claim: Claim, *, disk: Disk = PRIVATE_DISK, proxy: str = "") -> Answer:
        """Enrol it within this process."""
        return enrol(claim, self.device(proxy), self.means(disk=disk))

    def means(
        self, *, disk: Disk = PRIVATE_DISK, pause: Callable[[float], None] = no_pause
    ) -> Means:
        return Means(software="test", pause=pause, disk=disk)

    def device(self, proxy: str = "", *, new_key: bool = False) -> Device:
        return Device(
            config=self.config,
            plan=read_plan(self.config),
            state_dir=self.state_dir,
            key=read_place(self.key or DEFAULT_KEY, self.state_dir),
            key_setting=self.key,
            new_key=new_key,
            proxy=proxy,
        )

    def settings(self) -> Settings:
        return load_settings(self.config)

    def evidence_key(self) -> EvidenceKey:
        return load_key(self.settings().identity.key)

    def gateway(self, now_ms: int, disk: Disk = PRIVATE_DISK) -> Enrolled:
        """Return it as what keeps it enrolled sees it."""
        known = enrolled_gateway(self.settings())
        return replace(known, now_ms=lambda: now_ms, pause=no_pause, disk=disk)

    def files(self) -> dict[str, bytes]:
        """Return every file below the folder, by its path."""
        found = (p for p in self.folder.rglob("*") if p.is_file())
        return {str(p.relative_to(self.folder)): p.read_bytes() for p in found}

    def is_enrolled(self) -> bool:
        """Return whether it is in one of the two legal states, and which; fails in a third."""
        if not self.config.exists():
            return False
        settings = self.settings()  # whole: every file that it names is there
        key = load_pem_private_key((self.store / "tls.pem").read_bytes(), None)
        assert key is not None
        assert settings.uplink.https is not None
        return (self.store / "claim.json").exists()

    def open_to_others(self) -> Iterator[Path]:
        """Yield private files that others may read."""
        for path in self.state_dir.rglob("*"):
            if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o077:
                yield path
