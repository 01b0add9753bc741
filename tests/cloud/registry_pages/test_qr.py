"""The QR symbol on the page is the symbol of the claim."""

import re

import segno

from cloud.registry_pages.qr import QUIET, qr_code


def test_the_path_draws_exactly_the_dark_modules() -> None:
    text = "cw1:hEgAESIzqrvM3VAAESIzRFVmd4iZqrvM3e7_"
    code = qr_code(text)
    drawn = {
        (int(x) + i, int(y))
        for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", code.path)
        for i in range(int(length))
    }
    matrix = segno.make(text, error="m", micro=False).matrix
    dark = {
        (x + QUIET, y + QUIET)
        for y, row in enumerate(matrix)
        for x, module in enumerate(row)
        if module
    }
    assert drawn == dark
    assert code.size == len(matrix) + 2 * QUIET
