"""A narrower band: what a lower sample rate or a channel's low pass leaves."""

from typing import Literal

import numpy as np
from pydantic import Field
from scipy.signal import butter, cheby1, ellip, freqz_sos, sosfiltfilt

from percepkit.audio.resampling import resample
from percepkit.synth.degradations._interface import (
    Degradation,
    Degraded,
    Parameters,
    check_signal,
    energy_ratio_db,
    finite,
)

__all__ = ["DEGRADATION", "BandLimit", "Kind", "apply"]

Kind = Literal["resample", "butterworth", "chebyshev", "elliptic"]

# Each recursive filter runs twice, forwards and backwards, so the whole has twice of these.
RIPPLE_DB = 0.25
STOP_DB = 30.0
RANGE_DB = 50.0  # nothing is left where the response is down by this much, see dsp.activity
N_FREQUENCIES = 4_096


class BandLimit(Parameters):
    """Where and how the band ends."""

    cutoff_hz: float = Field(
        4_000.0, ge=500, description="half the lower sample rate, or edge of the pass band (Butterworth: -6 dB)"
    )
    kind: Kind = Field("resample", description="down and up again, or one of three recursive low passes")
    order: int = Field(6, ge=2, le=12, description="order of a recursive low pass; run forwards and backwards")


def apply(x: np.ndarray, sample_rate: int, parameters: BandLimit, key: int) -> Degraded:
    """Take away what lies above the cut-off, without delay: every kind has zero phase.

    ``bandwidth_hz`` is the cut-off for ``resample``; a recursive low pass leaves more, up to where it has
    fallen by 50 dB (none is given if that is not reached).

    Raises
    ------
    ValueError
        Unless the cut-off lies below half the sample rate.

    Examples
    --------
    >>> apply(np.ones(800, np.float32), 48_000, BandLimit(cutoff_hz=8_000), 0).bandwidth_hz
    8000.0
    """
    check_signal(x, sample_rate)
    if not parameters.cutoff_hz < sample_rate / 2:
        raise ValueError(
            f"a band at {sample_rate} Hz ends at {sample_rate / 2:g} Hz already; "
            f"cutoff_hz must be lower, found {parameters.cutoff_hz:g} Hz"
        )
    if parameters.kind == "resample":
        low_rate = round(2 * parameters.cutoff_hz)
        y = resample(resample(x, sample_rate, low_rate), low_rate, sample_rate)[: len(x)]
        bandwidth_hz: float | None = low_rate / 2
    else:
        sections = _low_pass(parameters, sample_rate)
        y = _both_ways(sections, x) if len(x) else x.copy()
        bandwidth_hz = _end_of_band_hz(sections, sample_rate)
    return Degraded(y, finite(gain_db=energy_ratio_db(y, x)), bandwidth_hz=bandwidth_hz)


def _low_pass(parameters: BandLimit, sample_rate: int) -> np.ndarray:
    """Second-order sections of one pass."""
    order, cutoff_hz = parameters.order, parameters.cutoff_hz
    match parameters.kind:
        case "butterworth":
            return butter(order, cutoff_hz, fs=sample_rate, output="sos")
        case "chebyshev":
            return cheby1(order, RIPPLE_DB, cutoff_hz, fs=sample_rate, output="sos")
        case _:
            return ellip(order, RIPPLE_DB, STOP_DB, cutoff_hz, fs=sample_rate, output="sos")


def _both_ways(sections: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Filter forwards and backwards; short signals get the padding that they can give."""
    padding = min(6 * len(sections) + 3, len(x) - 1)
    return sosfiltfilt(sections, x.astype(np.float64), padlen=padding).astype(np.float32)


def _end_of_band_hz(sections: np.ndarray, sample_rate: int) -> float | None:
    """Lowest frequency above which both passes together attenuate by 50 dB throughout."""
    frequency_hz, response = freqz_sos(sections, N_FREQUENCIES, fs=sample_rate)
    held = np.flatnonzero(np.abs(response) ** 2 > 10 ** (-RANGE_DB / 20))
    end = held[-1] + 1
    return float(frequency_hz[end]) if end < len(frequency_hz) else None


DEGRADATION = Degradation(
    name="band_limit",
    summary="band-limiting by resampling or by a low pass, aligned",
    source="URGENT 2024 challenge (bandwidth limitation); soxr for the resampling",
    parameters=BandLimit,
    linear=True,
    apply=apply,
    examples=(
        {"cutoff_hz": 2_000},
        {"cutoff_hz": 3_400, "kind": "butterworth", "order": 8},
        {"cutoff_hz": 3_000, "kind": "chebyshev", "order": 5},
        {"cutoff_hz": 3_000, "kind": "elliptic", "order": 6},
    ),
)
