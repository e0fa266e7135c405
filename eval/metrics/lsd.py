"""Log-spectral distance over the whole band.

References
----------
A. Gray, J. Markel, "Distance measures for speech processing", IEEE TASSP 24(5), 1976; with frames of 32 ms and a
floor, both of which the literature leaves open.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from percepkit.eval.metrics._interface import MetricSpec, Unscorable, checked_estimate, checked_reference

__all__ = ["SPEC", "Clean", "prepare", "score"]

_FRAME_SECONDS = 0.032
_RANGE_DB = 80.0

SPEC = MetricSpec(
    names=("lsd",),
    version="1",
    summary="Root mean square over the bins of the difference of the spectra in dB, mean over frames of 32 ms; "
    "bins 80 dB below the reference's strongest count as equal; no gain is taken out.",
    source="Gray and Markel, IEEE TASSP 1976",
    unit={"lsd": "dB"},
    range={"lsd": (0.0, np.inf)},
    better="lower",
    invariances=frozenset({"polarity"}),
)


@dataclass(frozen=True, eq=False)
class Clean:
    """Log spectrum of the reference and the floor under both spectra."""

    spectrum_db: np.ndarray  # [n_frames, n_bins]
    floor: float  # power, the reference's peak being 1
    peak: float
    n_frame: int
    n_samples: int


def _power(x: np.ndarray, n_frame: int) -> np.ndarray:
    """Power spectra of frames with a periodic Hann window that overlap by half, shape (n_frames, n_bins)."""
    window = np.hanning(n_frame + 1)[:-1]
    spectrum = np.fft.rfft(sliding_window_view(x, n_frame)[:: n_frame // 2] * window)
    return spectrum.real**2 + spectrum.imag**2


def prepare(reference: np.ndarray, sample_rate: int) -> Clean:
    """Compute the log spectrum of the reference, at its own rate.

    Raises
    ------
    Unscorable
        ``too_short`` below 32 ms.
    """
    reference = checked_reference(reference)
    n_frame = 2 * round(_FRAME_SECONDS * sample_rate / 2)
    if len(reference) < n_frame:
        raise Unscorable("too_short", f"{len(reference)} samples, one frame has {n_frame}")
    peak = float(np.abs(reference).max())
    power = _power(reference / peak, n_frame)
    floor = float(power.max()) * 10 ** (-_RANGE_DB / 10)
    return Clean(10 * np.log10(np.maximum(power, floor)), floor, peak, n_frame, len(reference))


def score(state: Clean, estimate: np.ndarray) -> dict[str, float]:
    """Compute the distance.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal(16_000)
    >>> round(score(prepare(noise, 16_000), 0.5 * noise)["lsd"], 2)
    6.02
    """
    estimate = checked_estimate(estimate, state.n_samples) / state.peak
    difference = 10 * np.log10(np.maximum(_power(estimate, state.n_frame), state.floor)) - state.spectrum_db
    return {"lsd": float(np.mean(np.sqrt(np.mean(difference * difference, axis=1))))}
