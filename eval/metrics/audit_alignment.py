"""Audit of the alignment: what an estimate's gain, delay and polarity are wrong by.

These are no measures of quality. They tell why others are low: SI-SDR loses everything to a delay of half a
millisecond, SSNR and LSD hear every gain, and STOI and PESQ do not hear the polarity.
"""

import math
from dataclasses import dataclass

import numpy as np

from percepkit.dsp.lag import find_lag
from percepkit.eval.metrics._interface import MetricSpec, Unscorable, checked_estimate, checked_reference

__all__ = ["SPEC", "Clean", "prepare", "score"]

_MAX_DELAY_SECONDS = 0.2
_SHORTEST_SECONDS = 0.25
_LEAST_PROMINENCE = 8.0

SPEC = MetricSpec(
    names=("gain_error_db", "delay_ms", "inverted"),
    version="1",
    summary="Audit, no quality: magnitude of the gain in dB and of the delay (up to 200 ms) that lead from the "
    "reference to the estimate, and 1 if the polarity is turned round; signed values by dsp.lag.",
    source="peak of the regularised least-squares impulse response",
    unit={"gain_error_db": "dB", "delay_ms": "ms", "inverted": "1"},
    range={
        "gain_error_db": (0.0, math.inf),
        "delay_ms": (0.0, 1000 * _MAX_DELAY_SECONDS + 1),
        "inverted": (0.0, 1.0),
    },
    better="lower",
)


@dataclass(frozen=True, eq=False)
class Clean:
    """The reference and its rate."""

    signal: np.ndarray
    sample_rate: int


def prepare(reference: np.ndarray, sample_rate: int) -> Clean:
    """Check the reference.

    Raises
    ------
    Unscorable
        ``too_short`` below 0.25 s.
    """
    reference = checked_reference(reference)
    if len(reference) < _SHORTEST_SECONDS * sample_rate:
        raise Unscorable("too_short", f"{len(reference) / sample_rate:.3g} s, {_SHORTEST_SECONDS} s are needed")
    return Clean(reference, sample_rate)


def score(state: Clean, estimate: np.ndarray) -> dict[str, float]:
    """Find gain, delay and polarity.

    Raises
    ------
    Unscorable
        ``no_alignment`` if no delay stands out: the estimate holds too little of the reference, or the reference
        repeats itself.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal(8_000)
    >>> values = score(prepare(noise, 8_000), -0.5 * np.roll(noise, 8))
    >>> {name: round(value, 1) for name, value in values.items()}
    {'gain_error_db': 6.0, 'delay_ms': 1.0, 'inverted': 1.0}
    """
    estimate = checked_estimate(estimate, len(state.signal))
    found = find_lag(state.signal, estimate, max_delay=int(_MAX_DELAY_SECONDS * state.sample_rate))
    if found.prominence < _LEAST_PROMINENCE or found.gain == 0:
        reason = f"the clearest delay stands out {found.prominence:.1f} times, {_LEAST_PROMINENCE:.0f} are needed"
        raise Unscorable("no_alignment", reason)
    return {
        "gain_error_db": abs(20 * math.log10(abs(found.gain))),
        "delay_ms": 1000 * abs(found.delay_samples) / state.sample_rate,
        "inverted": float(found.gain < 0),
    }
