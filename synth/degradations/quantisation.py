"""Rounding to few bits."""

import numpy as np
from pydantic import Field

from percepkit.synth.degradations._interface import (
    Degradation,
    Degraded,
    Parameters,
    check_signal,
    energy_ratio_db,
    finite,
)

__all__ = ["DEGRADATION", "Quantisation", "apply"]


class Quantisation(Parameters):
    """Word length of the converter."""

    bits: int = Field(8, ge=2, le=16, description="bits a sample; full scale is 1 (one bit cannot say silence)")


def apply(x: np.ndarray, sample_rate: int, parameters: Quantisation, key: int) -> Degraded:
    """Round to the nearest of 2^bits two's complement values between -1 and 1, without dither.

    Full scale is 1 whatever the signal's level: a quiet signal loses more. Samples that lie over half a step
    outside the range are limited to it, and are reported as ``clipped``.

    Examples
    --------
    >>> apply(np.float32([-1.0, -0.1, 0.3, 1.0]), 16_000, Quantisation(bits=3), 0).signal
    array([-1.  , -0.  ,  0.25,  0.75], dtype=float32)
    """
    check_signal(x, sample_rate)
    scale = 2 ** (parameters.bits - 1)
    codes = np.rint(x * np.float32(scale))  # exact: a power of two
    y = np.clip(codes, -scale, scale - 1) / np.float32(scale)
    clipped = (codes < -scale) | (codes > scale - 1)
    return Degraded(y, finite(snr_db=energy_ratio_db(x, y - x)), clipped=clipped)


DEGRADATION = Degradation(
    name="quantisation",
    summary="rounding to a number of bits, relative to full scale 1",
    source="RNNoise (quantisation of half of its training sequences)",
    parameters=Quantisation,
    linear=False,
    apply=apply,
    examples=({"bits": 6}, {"bits": 16}),
)
