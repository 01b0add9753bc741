"""A sheet of paper: what signed documents are printed on, as PDF.

reportlab with the CID font STSong-Light, which every PDF reader substitutes for Chinese; the
same document and pictures give the same bytes (`invariant`). Pictures are given by their hash
and checked against it; one that is missing is named, not left out.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from io import BytesIO
from typing import Any, Final
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import Image, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from device_registry.commissioning.document import Signature
from domain.gsp.phrases import Phrases

FONT: Final = "STSong-Light"
SIGNATURE_MM: Final = 40
_MARGIN: Final = 16 * mm


@dataclass(frozen=True, slots=True, kw_only=True)
class Printing:
    """How a document is printed."""

    lang: str
    """"zh-CN" or "en"."""
    timezone: str
    pictures: Mapping[str, bytes]
    """PNG or JPEG by SHA-256."""


class Sheet:
    """Collects the flow of one PDF; also used for change records."""

    def __init__(self, printing: Printing, phrases: Phrases) -> None:
        if FONT not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(UnicodeCIDFont(FONT))
        self.printing = printing
        self._phrases = phrases
        self._zone: tzinfo = ZoneInfo(printing.timezone) if printing.timezone else UTC
        self._flow: list[Any] = []

    def say(self, key: str) -> str:
        """Return a text in the language of the print."""
        return self._phrases.say(key, self.printing.lang)

    def name(self, words: object) -> str:
        """Return a name of the document, `{"zh": …, "en": …}`, in the language of the print."""
        assert isinstance(words, Mapping)  # noqa: S101 - our own document
        first, second = ("zh", "en") if self.printing.lang == "zh-CN" else ("en", "zh")
        return str(words[first] or words[second])

    def time(self, at_ms: object) -> str:
        """Return an instant in the site's time zone."""
        assert isinstance(at_ms, int)  # noqa: S101 - our own document
        local = datetime.fromtimestamp(at_ms / 1000, tz=self._zone)
        return local.strftime("%Y-%m-%d %H:%M:%S")

    def title(self, text: str) -> None:
        """Add the heading of the document."""
        self._flow += [Paragraph(escape(text), _style(16, 20)), Spacer(1, 3 * mm)]

    def heading(self, text: str) -> None:
        """Add the heading of a section."""
        self._flow += [Spacer(1, 4 * mm), Paragraph(escape(text), _style(11.5, 16))]

    def line(self, text: str) -> None:
        """Add a paragraph."""
        self._flow.append(Paragraph(escape(text), _style(9, 13)))

    def table(self, rows: list[list[str]], widths_mm: list[float], *, head: bool) -> None:
        """Add a table; `head` repeats its first row on every page."""
        cells = [[Paragraph(escape(cell), _style(8, 11)) for cell in row] for row in rows]
        table = Table(cells, [w * mm for w in widths_mm], repeatRows=1 if head else 0)
        style = [
            ("GRID", (0, 0), (-1, -1), 0.4, colors.HexColor("#9aa3ad")),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ]
        if head:
            style.append(("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#eef1f4")))
        table.setStyle(TableStyle(style))
        self._flow.append(table)

    def picture(self, digest: str, width_mm: float) -> None:
        """Add a picture by its hash; one that is absent or unreadable is named instead."""
        data = self.printing.pictures.get(digest, b"")
        if hashlib.sha256(data).hexdigest() != digest or not _is_picture(data):
            self.line(f"sha256:{digest}")
            return
        image = Image(BytesIO(data))
        image.drawWidth, image.drawHeight = _fitted(image, width_mm * mm)
        image.hAlign = "LEFT"
        self._flow.append(image)

    def signatures(self, signatures: tuple[Signature, ...]) -> None:
        """Add who signed, when, and what that means."""
        self.heading(self.say("report.signatures"))
        for signature in signatures:
            part = self.say(f"signature.{signature.part}")
            meaning = self.say(signature.meaning)
            when = self.time(signature.at_ms)
            self.line(f"{part}  {signature.name}  {when}  {meaning}")
            if signature.image:
                self.picture(signature.image, SIGNATURE_MM)

    def pdf(self, title: str) -> bytes:
        """Return the bytes of the document."""
        out = BytesIO()
        page = SimpleDocTemplate(
            out,
            pagesize=A4,
            title=title,
            author="Coldwarden",
            invariant=1,
            **{f"{side}Margin": _MARGIN for side in ("left", "right", "top", "bottom")},
        )
        page.build(self._flow, onFirstPage=self._foot, onLaterPages=self._foot)
        return out.getvalue()

    def _foot(self, canvas: Any, _document: Any) -> None:  # noqa: ANN401 - reportlab is untyped
        canvas.setFont(FONT, 8)
        text = self._phrases.say(
            "report.page", self.printing.lang, page=str(canvas.getPageNumber())
        )
        canvas.drawRightString(A4[0] - _MARGIN, 8 * mm, text)


def _style(size: float, leading: float) -> ParagraphStyle:
    return ParagraphStyle(
        f"s{size}", fontName=FONT, fontSize=size, leading=leading, wordWrap="CJK"
    )


def _fitted(image: Any, width: float) -> tuple[float, float]:  # noqa: ANN401 - untyped
    return width, width * image.imageHeight / max(image.imageWidth, 1)


def _is_picture(data: bytes) -> bool:
    try:
        width, height = ImageReader(BytesIO(data)).getSize()
    except OSError:
        return False
    return bool(width and height)
