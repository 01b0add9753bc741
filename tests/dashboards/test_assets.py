"""What others wrote is exactly what they published; nothing is loaded from elsewhere."""

import hashlib
import re

from dashboards.assets import asset_url, static_dir

VENDOR = static_dir() / "vendor"


def test_vendored_files_are_the_published_ones() -> None:
    lines = (VENDOR / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    listed = {name: digest for digest, name in (line.split("  ") for line in lines)}
    present = {
        file.relative_to(VENDOR).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in VENDOR.rglob("*")
        if file.is_file() and file.name != "SHA256SUMS"
    }
    assert present == listed


def test_every_vendored_package_has_its_licence() -> None:
    packages = [folder for folder in VENDOR.iterdir() if folder.is_dir()]
    assert packages
    assert all((folder / "LICENSE").is_file() for folder in packages)


def test_an_address_changes_with_the_file() -> None:
    digest = hashlib.sha256((static_dir() / "coldwarden.css").read_bytes()).hexdigest()
    assert asset_url("coldwarden.css") == f"/static/coldwarden.css?v={digest[:12]}"


def test_nothing_is_loaded_from_elsewhere() -> None:
    own = [*static_dir().glob("*.*"), *(static_dir().parent / "templates").glob("*.html")]
    for file in own:
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|//cdn|@import", text), file.name
