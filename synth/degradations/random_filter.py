"""A random second-order filter: the small differences between microphones, rooms and talkers."""

import numpy as np
from pydantic import Field
from scipy.signal import lfilter

from percepkit.synth.degradations._interface import (
    Degradation,
    Degraded,
    Parameters,
    check_signal,
    energy_ratio_db,
    finite,
)

__all__ = ["DEGRADATION", "RandomFilter", "apply"]

LARGEST = 3 / 8  # keeps poles and zeros inside the unit circle: |r4| < 1 and |r3| < 1 + r4


class RandomFilter(Parameters):
    """Coefficients of the filter; PercepNet draws each uniformly between -3/8 and 3/8."""

    r1: float = Field(0.0, ge=-LARGEST, le=LARGEST, description="numerator, one sample back")
    r2: float = Field(0.0, ge=-LARGEST, le=LARGEST, description="numerator, two samples back")
    r3: float = Field(0.0, ge=-LARGEST, le=LARGEST, description="denominator, one sample back")
    r4: float = Field(0.0, ge=-LARGEST, le=LARGEST, description="denominator, two samples back")


def apply(x: np.ndarray, sample_rate: int, parameters: RandomFilter, key: int) -> Degraded:
    """Filter by H(z) = (1 + r1 / z + r2 / z^2) / (1 + r3 / z + r4 / z^2).

    The filter is stable and of minimum phase for all allowed coefficients, so it has no delay of its own.
    It is not normalised: ``gain_db`` says what it did to the energy.

    References
    ----------
    J.-M. Valin, "A hybrid DSP/deep learning approach to real-time full-band speech enhancement", MMSP 2018.

    Examples
    --------
    >>> apply(np.float32([1, 0, 0]), 16_000, RandomFilter(r1=0.25, r3=-0.25), 0).signal
    array([1.   , 0.5  , 0.125], dtype=float32)
    """
    check_signal(x, sample_rate)
    numerator = [1.0, parameters.r1, parameters.r2]
    denominator = [1.0, parameters.r3, parameters.r4]
    y = lfilter(numerator, denominator, x.astype(np.float64)).astype(np.float32)
    return Degraded(y, finite(gain_db=energy_ratio_db(y, x)))


DEGRADATION = Degradation(
    name="random_filter",
    summary="second-order pole-zero filter with drawn coefficients",
    source="Valin, MMSP 2018 (RNNoise); Valin et al., Interspeech 2020 (PercepNet)",
    parameters=RandomFilter,
    linear=True,
    apply=apply,
    examples=({"r1": 0.3, "r2": -0.2, "r3": -0.35, "r4": 0.1},),
)
