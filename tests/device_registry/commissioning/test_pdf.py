"""The printed report says what the signed document says, in either language."""

import hashlib
import struct
import zlib
from io import BytesIO

import pytest
from pypdf import PdfReader

from device_registry.commissioning.document import Signature, sha256_of
from device_registry.commissioning.pdf import report_pdf
from device_registry.commissioning.report import DoneStep, Heading, build
from device_registry.commissioning.review import review
from device_registry.commissioning.sheet import Printing
from tests.support.commissioning import good_facts


def png() -> bytes:
    """Return a picture of 2 by 1 dots."""

    def chunk(name: bytes, data: bytes) -> bytes:
        checked = name + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    head = struct.pack(">IIBBBBB", 2, 1, 8, 0, 0, 0, 0)
    data = zlib.compress(b"\x00\x20\xff")
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", data), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


PICTURE = png()
DIGEST = hashlib.sha256(PICTURE).hexdigest()
LOST = "c" * 64
JUNK = b"<html>no picture"
JUNK_DIGEST = hashlib.sha256(JUNK).hexdigest()
FACTS = good_facts()
DOCUMENT = build(
    Heading(id="r-1", at_ms=1_795_000_000_000, technician="赵工", account="zhao"),
    FACTS,
    review(FACTS),
    (
        DoneStep(
            key="arrive", at_ms=1_794_999_000_000, by="zhao", photos=(DIGEST, LOST, JUNK_DIGEST)
        ),
    ),
)
SIGNATURE = Signature(
    part="customer",
    name="王芳",
    at_ms=1_795_000_100_000,
    meaning="signature.accepted",
    image=DIGEST,
    document_sha256=sha256_of(DOCUMENT),
)


def printed(lang: str) -> bytes:
    printing = Printing(
        lang=lang, timezone="Asia/Shanghai", pictures={DIGEST: PICTURE, JUNK_DIGEST: JUNK}
    )
    return report_pdf(DOCUMENT, (SIGNATURE,), printing)


def text_of(pdf: bytes) -> str:
    return "".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("zh-CN", ("调试验收报告", "一号冷库", "通过，可以投入使用", "王芳", "本人验收并认可")),
        ("en", ("Commissioning report", "Cold room 1", "may go into service", "I accept it")),
    ],
)
def test_the_print_says_what_was_signed(lang: str, words: tuple[str, ...]) -> None:
    text = text_of(printed(lang)).replace("\n", "")
    for word in words:
        assert word in text
    assert sha256_of(DOCUMENT) in text.replace(" ", "")


def test_the_same_document_prints_the_same_bytes() -> None:
    assert printed("en") == printed("en")


def test_a_lost_or_unreadable_picture_is_named_by_its_hash() -> None:
    text = text_of(printed("en")).replace("\n", "")
    assert LOST in text
    assert JUNK_DIGEST in text
    assert f"sha256:{DIGEST}" not in text
