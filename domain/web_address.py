"""Addresses on the web as people and peers write them. Pure."""

from urllib.parse import SplitResult, urlsplit


def parts_of(url: str) -> SplitResult:
    """Return the parts of a URL; all empty when it is none, so that no check of them passes."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return urlsplit("")
    return parts


def is_proxy(url: str) -> bool:
    """Say whether `url` names a proxy that a gateway can ask: http://host:port."""
    parts = parts_of(url)
    return parts.scheme == "http" and bool(parts.hostname)
