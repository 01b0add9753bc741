"""From the archive's integers to floats, for display and for engines that know nothing else.

Pure. Dividing by a power of ten rounds once, so that 460 with exponent -2 is the float 4.6;
multiplying by a negative power would round twice.
"""

import numpy as np

from cloud.projections.timeseries.store import Float64s, Int64s

MAX_EXPONENT = 22
"""Powers of ten up to here are exact floats. No quantity of ours comes near."""
_POWERS = np.array([float(f"1e{k}") for k in range(MAX_EXPONENT + 1)])


def to_float(v: Int64s, exp: Int64s) -> Float64s:
    """Return `v * 10^exp`, correctly rounded while |v| < 2^53 and |exp| <= 22."""
    limited = np.clip(exp, -MAX_EXPONENT, MAX_EXPONENT)
    scaled: Float64s = v / _POWERS[np.maximum(-limited, 0)] * _POWERS[np.maximum(limited, 0)]
    return scaled
