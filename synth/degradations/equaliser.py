"""One second-order equaliser: shelves, peak, notch, high pass or low pass."""

import math
from typing import Literal

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

__all__ = ["DEGRADATION", "Equaliser", "Kind", "apply", "coefficients"]

Kind = Literal["low_shelf", "high_shelf", "peak", "notch", "high_pass", "low_pass"]


class Equaliser(Parameters):
    """One section of an equaliser; a recipe lists the degradation as often as it wants sections."""

    kind: Kind = Field("peak", description="shape of the response")
    frequency_hz: float = Field(
        1_000.0, gt=0, description="centre, corner, or middle of a shelf's slope; below half the sample rate"
    )
    gain_db: float = Field(0.0, ge=-40, le=40, description="gain of a shelf or peak; the other kinds have none")
    q: float = Field(math.sqrt(0.5), ge=0.1, le=50, description="centre frequency over bandwidth")


def coefficients(parameters: Equaliser, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Numerator and denominator of the section, in powers of 1/z, the denominator's first being 1.

    Returns
    -------
    numerator, denominator : float64 array, shape (3,)

    Raises
    ------
    ValueError
        Unless the frequency lies below half the sample rate.

    References
    ----------
    R. Bristow-Johnson, "Cookbook formulae for audio equalizer biquad filter coefficients", W3C Note, 2021.

    Examples
    --------
    >>> b, a = coefficients(Equaliser(kind="low_shelf", frequency_hz=200, gain_db=-6), 16_000)
    >>> round(float(20 * np.log10(b.sum() / a.sum())), 6)  # the response at 0 Hz
    -6.0
    """
    if not parameters.frequency_hz < sample_rate / 2:
        raise ValueError(
            f"an equaliser at {sample_rate} Hz works below {sample_rate / 2:g} Hz, not at "
            f"{parameters.frequency_hz:g} Hz; lower frequency_hz or raise the sample rate"
        )
    w = 2 * math.pi * parameters.frequency_hz / sample_rate
    cos, alpha = math.cos(w), math.sin(w) / (2 * parameters.q)
    section = _section(parameters.kind, cos, alpha, 10 ** (parameters.gain_db / 40))
    numerator, denominator = np.array(section)
    return numerator / denominator[0], denominator / denominator[0]


def _section(kind: Kind, cos: float, alpha: float, a: float) -> tuple[list[float], list[float]]:
    """The cookbook's formulas, from cos(w), sin(w) / 2Q and the square root of the amplitude gain."""
    plain = [1 + alpha, -2 * cos, 1 - alpha]
    match kind:
        case "low_pass":
            return [(1 - cos) / 2, 1 - cos, (1 - cos) / 2], plain
        case "high_pass":
            return [(1 + cos) / 2, -1 - cos, (1 + cos) / 2], plain
        case "notch":
            return [1, -2 * cos, 1], plain
        case "peak":
            return [1 + alpha * a, -2 * cos, 1 - alpha * a], [1 + alpha / a, -2 * cos, 1 - alpha / a]
    # A high shelf is a low shelf with z negated: cos and the middle coefficients change their sign.
    sign = 1.0 if kind == "low_shelf" else -1.0
    cos, slope = sign * cos, 2 * math.sqrt(a) * alpha
    up, down = (a + 1) + (a - 1) * cos, (a + 1) - (a - 1) * cos
    numerator = [a * (down + slope), sign * 2 * a * ((a - 1) - (a + 1) * cos), a * (down - slope)]
    return numerator, [up + slope, -sign * 2 * ((a - 1) + (a + 1) * cos), up - slope]


def apply(x: np.ndarray, sample_rate: int, parameters: Equaliser, key: int) -> Degraded:
    """Filter by one section, from rest.

    All kinds are of minimum phase, as analogue equalisers are: they have no delay of their own.

    Raises
    ------
    ValueError
        Unless the frequency lies below half the sample rate.

    Examples
    --------
    >>> apply(np.ones(4, np.float32), 16_000, Equaliser(gain_db=0), 0).measured
    {'gain_db': 0.0}
    """
    check_signal(x, sample_rate)
    numerator, denominator = coefficients(parameters, sample_rate)
    y = lfilter(numerator, denominator, x.astype(np.float64)).astype(np.float32)
    return Degraded(y, finite(gain_db=energy_ratio_db(y, x)))


DEGRADATION = Degradation(
    name="equaliser",
    summary="second-order shelf, peak, notch, high pass or low pass",
    source="Bristow-Johnson, audio EQ cookbook",
    parameters=Equaliser,
    linear=True,
    apply=apply,
    examples=(
        {"kind": "low_shelf", "frequency_hz": 300, "gain_db": -9},
        {"kind": "high_shelf", "frequency_hz": 2_500, "gain_db": 12},
        {"kind": "peak", "frequency_hz": 1_200, "gain_db": 15, "q": 1.5},
        {"kind": "notch", "frequency_hz": 50, "q": 10},
        {"kind": "high_pass", "frequency_hz": 120},
        {"kind": "low_pass", "frequency_hz": 3_400},
    ),
)
