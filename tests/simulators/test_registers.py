"""Register images against the frames printed in the makers' papers."""

import struct
from dataclasses import replace

from simulators.refrigerator import Sample
from simulators.registers import EKC_202B, HMT330, HOLDING, INPUT, KINDS, RS_WS_N01, XY_MD02

SAMPLE = Sample(
    at_s=0.0,
    probe_c=-10.1,
    air_c=4.2,
    rh=65.8,
    door_open=False,
    mains_on=True,
    compressor_on=False,
    defrosting=False,
    ambient_c=28.0,
)


def words(image: dict[int, int], *addresses: int) -> bytes:
    return struct.pack(f">{len(addresses)}H", *(image[at] for at in addresses))


def test_the_renke_sensor_shows_the_printed_frame() -> None:
    image = RS_WS_N01.image(SAMPLE)
    assert words(image[HOLDING], 0, 1) == bytes.fromhex("0292FF9B")
    assert image[INPUT] == image[HOLDING]


def test_the_xy_sensor_has_temperature_before_humidity() -> None:
    image = XY_MD02.image(replace(SAMPLE, probe_c=30.5, rh=54.6))
    assert words(image[INPUT], 1, 2) == bytes.fromhex("01310222")


def test_the_vaisala_puts_the_low_word_first() -> None:
    image = HMT330.image(replace(SAMPLE, probe_c=30.56))[HOLDING]
    assert words(image, 2, 3) == bytes.fromhex("7AE141F4")
    assert words(image, 257) == struct.pack(">h", 3056)
    assert image[512] == 1


def test_the_controller_shows_door_and_alarms() -> None:
    warm = EKC_202B.image(replace(SAMPLE, air_c=9.3, door_open=True))[HOLDING]
    assert (warm[2588], warm[20003], warm[20004], warm[20005], warm[2540]) == (93, 1, 0, 1, 1)


def test_a_failed_sensor_shows_error_values_at_known_addresses() -> None:
    for kind in KINDS.values():
        good, bad = kind.image(SAMPLE), kind.failed_image(SAMPLE)
        assert good != bad
        assert {f: set(w) for f, w in good.items()} == {f: set(w) for f, w in bad.items()}
    low, high = (HMT330.failed_image(SAMPLE)[HOLDING][at] for at in (2, 3))
    (number,) = struct.unpack(">f", struct.pack(">HH", high, low))
    assert number != number  # noqa: PLR0124 - only a NaN differs from itself
