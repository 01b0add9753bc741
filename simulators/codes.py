"""Codes on medicine boxes: China's 20 digits and GS1 element strings, from a seed.

Used by `simulators.scanner`. Pure.
"""

from simulators.chance import uniform

GS = "\x1d"
DATA_MATRIX = "]d2"  # the symbology identifier a scanner puts before a GS1 DataMatrix


def digits(count: int, seed: int, *labels: str | int) -> str:
    """Return `count` decimal digits drawn by chance."""
    return f"{int(uniform(seed, *labels) * 10**count):0{count}d}"


def check_digit(body: str) -> str:
    """Return the GS1 check digit: weights 3, 1, 3... from the right of `body`."""
    weighted = (int(d) * (3 if n % 2 == 0 else 1) for n, d in enumerate(reversed(body)))
    return str(-sum(weighted) % 10)


def trace_code(seed: int, number: int) -> str:
    """Return a drug trace code: 7 digits of the product, the first an 8, 13 of the box."""
    return f"8{digits(6, seed, 'product', number % 7)}{digits(13, seed, 'serial', number)}"


def gs1_code(seed: int, number: int) -> str:
    """Return a GS1 DataMatrix as a scanner sends it: GTIN, expiry, lot, GS, serial."""
    body = f"0690{digits(9, seed, 'gtin', number % 5)}"
    expiry = f"{28 + number % 3}{1 + number % 12:02d}00"
    lot, serial = digits(6, seed, "lot", number % 5), digits(10, seed, "box", number)
    return f"{DATA_MATRIX}01{body}{check_digit(body)}17{expiry}10{lot}{GS}21{serial}"


def code(seed: int, number: int) -> str:
    """Return the `number`-th code that passes the scanner; both kinds take turns."""
    return gs1_code(seed, number) if number % 3 == 2 else trace_code(seed, number)
