"""What each simulated Modbus device has in its registers.

Used by `simulators.modbus_device`. Pure. Written from the makers' register maps by hand and not
from `domain.profiles`, so that a wrong address or word order there shows as a wrong reading.
Addresses are those of the protocol, counted from 0. An image maps a function code (3 holding,
4 input) to address -> word; an address it does not hold answers exception 2.
"""

import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from simulators.refrigerator import Sample

HOLDING = 3
INPUT = 4
WORD = 0x10000

Image = dict[int, dict[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceKind:
    """One model: its identity (43/14), its registers, and what they show with no sensor."""

    name: str
    vendor: str
    revision: str
    image: Callable[[Sample], Image]
    broken: Mapping[int, Mapping[int, int]]

    def failed_image(self, sample: Sample) -> Image:
        """Return the registers as this model shows them when its sensor has failed."""
        image = self.image(sample)
        for function, words in self.broken.items():
            image[function].update(words)
        return image


def _word(value: float, parts: int) -> int:
    """Return `value` in `1/parts` as a 16-bit two's complement word, held at the ends."""
    return max(-0x8000, min(0x7FFF, round(value * parts))) % WORD


def _float_low_word_first(value: float, address: int) -> dict[int, int]:
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return {address: low, address + 1: high}


def _dew_point_c(celsius: float, rh: float) -> float:
    """Return the dew point by the Magnus formula."""
    gamma = math.log(max(rh, 0.1) / 100.0) + 17.62 * celsius / (243.12 + celsius)
    return 243.12 * gamma / (17.62 - gamma)


def _vapour_g_per_m3(celsius: float, rh: float) -> float:
    """Return the absolute humidity from the vapour pressure (Magnus) and the gas law."""
    pascal = rh / 100.0 * 611.2 * math.exp(17.62 * celsius / (243.12 + celsius))
    return 2.16679 * pascal / (273.15 + celsius)


def _renke(sample: Sample) -> Image:
    words = {0x0000: _word(sample.rh, 10), 0x0001: _word(sample.probe_c, 10)}
    return {HOLDING: words, INPUT: dict(words)}


def _xy_md02(sample: Sample) -> Image:
    measured = {0x0001: _word(sample.probe_c, 10), 0x0002: _word(sample.rh, 10)}
    settings = {0x0101: 1, 0x0102: 0, 0x0103: 0, 0x0104: 0}
    return {HOLDING: settings, INPUT: measured}


def _hmt330(sample: Sample) -> Image:
    dew_c = _dew_point_c(sample.probe_c, sample.rh)
    words = {256: _word(sample.rh, 100), 257: _word(sample.probe_c, 100)}
    words.update({512: 1, 513: 1, 515: 0, 516: 0})
    floats = {0: sample.rh, 2: sample.probe_c, 6: dew_c, 8: dew_c}
    floats.update({14: _vapour_g_per_m3(sample.probe_c, sample.rh), 18: dew_c})
    for address, value in floats.items():
        words.update(_float_low_word_first(value, address))
    return {HOLDING: words, INPUT: {}}


def _ekc_202b(sample: Sample) -> Image:
    """Return the readings, states and alarms that a refrigeration controller offers."""
    too_warm = int(sample.air_c > 8.0)
    too_cold = int(sample.air_c < 2.0)
    words = {
        99: _word(5.0, 10),
        1010: _word(sample.air_c - 6.0 * sample.compressor_on, 10),
        1035: int(sample.defrosting),
        2002: 130,
        2006: 3 if sample.defrosting else 1,
        2509: int(sample.compressor_on),
        2510: int(not sample.door_open),
        2511: int(sample.defrosting),
        2540: int(bool(too_warm or too_cold)),
        2545: _word(5.0, 10),
        2575: _word(sample.air_c, 10),
        2588: _word(sample.air_c, 10),
        10018: _word(8.0, 10),
        10019: _word(2.0, 10),
    }
    words.update({19999: 0, 20001: 0, 20002: 0, 20003: too_warm, 20004: too_cold})
    words.update({20005: int(sample.door_open), 20006: 0, 20007: 0, 20008: 0})
    return {HOLDING: words, INPUT: {}}


_NO_PROBE = 0x7FFF
_NO_HUMIDITY = 0xFFFF
_NAN_LOW_WORD_FIRST = _float_low_word_first(math.nan, 0)

RS_WS_N01 = DeviceKind(
    name="RS-WS-N01",
    vendor="Renke",
    revision="8",
    image=_renke,
    broken={
        HOLDING: {0: _NO_HUMIDITY, 1: _NO_PROBE},
        INPUT: {0: _NO_HUMIDITY, 1: _NO_PROBE},
    },
)
XY_MD02 = DeviceKind(
    name="XY-MD02",
    vendor="XY",
    revision="2.0",
    image=_xy_md02,
    broken={INPUT: {1: _NO_PROBE, 2: _NO_HUMIDITY}},
)
HMT330 = DeviceKind(
    name="HMT330",
    vendor="Vaisala",
    revision="5.16",
    image=_hmt330,
    broken={
        HOLDING: {
            0: _NAN_LOW_WORD_FIRST[0],
            1: _NAN_LOW_WORD_FIRST[1],
            2: _NAN_LOW_WORD_FIRST[0],
            3: _NAN_LOW_WORD_FIRST[1],
            512: 0,
        }
    },
)
EKC_202B = DeviceKind(
    name="EKC202B",
    vendor="Danfoss",
    revision="1.30",
    image=_ekc_202b,
    broken={HOLDING: {2588: 0x8000, 20001: 1}},
)
KINDS: Mapping[str, DeviceKind] = {
    kind.name: kind for kind in (RS_WS_N01, XY_MD02, HMT330, EKC_202B)
}
