"""The `openssl` program: what a technician or another implementation would use."""

import subprocess
from pathlib import Path

from tests.support.engines import engine


def openssl(*arguments: str | Path, data: bytes = b"") -> bytes:
    """Run it and return what it prints; a failure fails the test with its words."""
    status, output = try_openssl(*arguments, data=data)
    assert status == 0, output.decode(errors="replace")
    return output


def try_openssl(*arguments: str | Path, data: bytes = b"") -> tuple[int, bytes]:
    """Run it and return its exit code and everything it printed."""
    command = [engine("openssl"), *map(str, arguments)]
    done = subprocess.run(command, input=data, capture_output=True, timeout=60, check=False)
    return done.returncode, done.stdout + (done.stderr if done.returncode else b"")


def make_csr(folder: Path, gateway: str, name: str = "tls") -> bytes:
    """Make `NAME.key` (P-256) and a request for it, as the README says; return its DER."""
    key, csr = folder / f"{name}.key", folder / f"{name}.csr"
    if not key.exists():
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
    subject = f"/CN={gateway}"
    openssl("req", "-new", "-key", key, "-subj", subject, "-outform", "DER", "-out", csr)
    return csr.read_bytes()
