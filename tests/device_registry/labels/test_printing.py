"""Labels in the language of each printer: the code leads to the page, no text commands."""

import re
from dataclasses import replace
from datetime import date
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_registry.kinds.places import PLACE_KINDS
from device_registry.labels.browser import label_page, label_svg
from device_registry.labels.content import (
    Label,
    PointOnLabel,
    Target,
    gateway_label,
    place_label,
    point_label,
    site_label,
)
from device_registry.labels.escpos import escpos, qr_code
from device_registry.labels.layout import Size, columns, printable, wrap
from device_registry.labels.tspl import tspl
from domain.gsp.finding import Words

ZH = Target(base_url="https://cw.example.cn", lang="zh-CN")
EN = Target(base_url="https://cw.example.cn", lang="en")
SITE = Words(zh="江阳区一号库", en="Jiangyang store 1")
POINT = PointOnLabel(
    id="chs-001-t",
    number=3,
    name=Words(zh="一号冰箱温度", en="Fridge 1 temperature"),
    place=Words(zh="一号冰箱", en="Fridge 1"),
    valid_until=date(2027, 5, 31),
)
SIZE = Size()


def test_a_points_label_tells_number_place_and_calibration() -> None:
    label = point_label(POINT, ZH)
    assert label.heading == "测点 3"
    assert label.lines == ("校准有效期至 2027-05-31", "一号冰箱温度", "一号冰箱")
    assert label.qr == "https://cw.example.cn/points/chs-001-t"
    assert point_label(POINT, EN).lines[0] == "Calibrated until 2027-05-31"


def test_every_kind_of_place_has_its_heading() -> None:
    for kind in PLACE_KINDS:
        label = place_label("p", kind, SITE, SITE, ZH)
        assert label.heading
        assert label.qr.endswith("/registry/places/p")


def test_tspl_is_a_program_for_one_label_each() -> None:
    labels = [point_label(POINT, ZH), gateway_label("gw-0001", "S1", SITE, ZH)]
    program = tspl(labels, SIZE).decode("gb18030").split("\r\n")
    assert program[:3] == ["SIZE 50 mm,30 mm", "GAP 2 mm,0 mm", "DIRECTION 1"]
    assert program.count("CLS") == program.count("PRINT 1,1") == 2
    qr = [line for line in program if line.startswith("QRCODE")]
    assert qr[0].endswith('M,5,A,0,"https://cw.example.cn/points/chs-001-t"')
    assert 'TEXT 177,8,"TSS24.BF2",0,1,1,"测点 3"' in program


def test_everything_of_a_label_stays_on_it() -> None:
    long = Label(heading="测点", lines=("很长的名称" * 20,) * 4, code="x" * 64, qr="https://x")
    for line in tspl([long], SIZE).decode("gb18030").split("\r\n"):
        if found := re.match(r'TEXT (\d+),(\d+),"TSS24\.BF2",0,1,1,"(.*)"', line):
            x, y, text = int(found[1]), int(found[2]), found[3]
            assert x + columns(text) * 12 <= SIZE.width_dots
            assert y + 24 <= SIZE.height_dots


def test_a_quotation_mark_or_a_line_end_commands_no_printer() -> None:
    evil = site_label("s", Words(zh='"\r\nPRINT 9,9\r\n', en=""), SITE, ZH)
    program = tspl([evil], SIZE)
    assert b"\r\nPRINT 9,9" not in program
    assert b'\\["]' in program
    assert b"\x1b" not in escpos(
        [site_label("s", Words(zh="\x1bi\x1d", en=""), SITE, ZH)]
    ).replace(b"\x1b@", b"").replace(b"\x1ba", b"").replace(b"\x1b!", b"")


def test_escpos_stores_the_code_by_its_length_and_prints_it() -> None:
    data = b"a" * 300
    commands = qr_code(data)
    assert b"\x1d(k\x2f\x011P0" + data in commands
    assert commands.endswith(b"\x1d(k\x03\x001Q0\n")
    printed = escpos([point_label(POINT, ZH)])
    assert printed.startswith(b"\x1b@\x1c&")
    assert "校准有效期至 2027-05-31".encode("gb18030") in printed
    assert printed.endswith(b"\x1dVB\x00")


def test_the_browsers_label_is_true_to_size_and_well_formed() -> None:
    svg = ET.fromstring(label_svg(point_label(POINT, ZH), SIZE))  # noqa: S314 - our own output
    assert (svg.get("width"), svg.get("height")) == ("50mm", "30mm")
    texts = [t.text for t in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[0] == "测点 3"
    assert texts[-1] == "chs-001-t"
    evil = site_label("s", Words(zh="<script>alert(1)</script>", en=""), SITE, ZH)
    page = label_page([evil], SIZE, "zh-CN", "<b>")
    assert "<script>" not in page
    assert "<b>" not in page
    assert "@page{size:50mm 30mm" in page


@given(st.text(max_size=80), st.integers(4, 40), st.integers(1, 4))
def test_wrapped_text_fits_and_encodes(text: str, width: int, most: int) -> None:
    lines = wrap(text, width, most)
    assert len(lines) <= most
    assert all(columns(line) <= width for line in lines)
    assert b"\n" not in printable(text)


@pytest.mark.parametrize(("text", "lines"), [("", []), ("abcdef", ["abcd", "ef"])])
def test_short_text_is_not_cut(text: str, lines: list[str]) -> None:
    assert wrap(text, 4, 2) == lines
    assert wrap("冷库冷库冷", 4, 2) == ["冷库", "冷…"]


def test_a_date_is_not_torn_in_two() -> None:
    assert wrap("校准有效期至 2027-05-31", 16, 2) == ["校准有效期至", "2027-05-31"]


def test_the_date_is_on_the_label_however_long_the_names_are() -> None:
    names = Words(zh="很长很长的名称" * 6, en="")
    label = point_label(replace(POINT, name=names, place=names), ZH)
    assert "2027-05-31" in label_svg(label, SIZE)
    assert "2027-05-31" in tspl([label], SIZE).decode("gb18030")
