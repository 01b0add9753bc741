"""Days of readings as probes make them."""

import numpy as np

from cloud.projections.timeseries.store import Float64s, Span

DAY_MS = 86_400_000
PERIOD_MS = 10_000
READINGS = DAY_MS // PERIOD_MS


def refrigerator(seed: int, days: int = 1, noise: float = 0.03, step: float = 0.01) -> Span:
    """A refrigerator's probe: the compressor's cycles, a wandering room, and its own noise."""
    rng = np.random.default_rng(seed)
    at_s = np.arange(days * READINGS) * 10.0
    cycle_s = 1800 + 120 * np.sin(at_s / 20_000)
    truth = 5 + 1.2 * np.sin(2 * np.pi * at_s / cycle_s) + 0.3 * np.sin(at_s / 30_000 + seed)
    return span(np.round((truth + rng.normal(0, noise, len(at_s))) / step) * step)


def span(value: Float64s, from_ms: int = 0) -> Span:
    ts = from_ms + np.arange(len(value)) * PERIOD_MS
    return Span(ts=ts, value=value.astype(np.float64), q=np.zeros(len(value), np.uint8))
