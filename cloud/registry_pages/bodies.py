"""What a request brings, read within limits; answers 413 beyond them."""

from collections.abc import Mapping
from typing import Final

from fastapi import HTTPException, Request

SEARCH_CHARS: Final = 64
MAX_FORM_BYTES: Final = 64 * 1024
MAX_JSON_BYTES: Final = 1024 * 1024
"""A signature drawn on a screen, as base64, has 40 KiB."""
MAX_PHOTO_BYTES: Final = 4 * 1024 * 1024


async def form_of(request: Request) -> Mapping[str, str]:
    """Return the text fields of a form; 400 for letters that no database takes."""
    declared = request.headers.get("content-length", "")
    if not declared.isdecimal() or int(declared) > MAX_FORM_BYTES:
        raise HTTPException(413)
    form = await request.form(max_files=0, max_fields=100)
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    if any("\0" in value for value in fields.values()):
        raise HTTPException(400)
    return fields


def asked(text: str) -> str:
    """Return what somebody looks for, or an id to go on from, as the database takes it."""
    return "".join(c for c in text.strip()[:SEARCH_CHARS] if c.isprintable())


async def json_of(request: Request) -> bytes:
    """Return the body of a small document."""
    return await _body(request, MAX_JSON_BYTES)


async def photo_of(request: Request) -> bytes:
    """Return the body of a photo."""
    return await _body(request, MAX_PHOTO_BYTES)


async def _body(request: Request, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise HTTPException(413)
        parts.append(part)
    return b"".join(parts)
