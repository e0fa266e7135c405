"""Weighted spectral slope distance.

References
----------
.. [1] D. H. Klatt, "Prediction of perceived phonetic distance from critical-band spectra", ICASSP 1982.
.. [2] P. C. Loizou, "Speech Enhancement: Theory and Practice", 2nd ed., CRC Press 2013, section 11.1.4.
"""

from dataclasses import dataclass

import numpy as np

from percepkit.eval.metrics import _loizou
from percepkit.eval.metrics._interface import MetricSpec, checked_estimate, checked_reference

__all__ = ["SPEC", "Clean", "prepare", "score"]

_FLOOR = 1e-10  # -100 dB
_GLOBAL_DB, _LOCAL_DB = 20.0, 1.0  # constants of the weights

SPEC = MetricSpec(
    names=("wss",),
    version="1",
    summary="Squared difference of the slopes between 25 critical bands up to 3.9 kHz, weighted by nearness to "
    "the spectral peaks, in frames of 30 ms; mean of the lowest 95 %.",
    source="Klatt, ICASSP 1982; Loizou, Speech Enhancement, 2013, section 11.1.4",
    unit={"wss": "dB²"},
    range={"wss": (0.0, np.inf)},
    better="lower",
    invariances=frozenset({"polarity"}),
)


@dataclass(frozen=True, eq=False)
class Clean:
    """Slopes of the reference and their weights."""

    slope: np.ndarray  # [n_frames, 24]
    weight: np.ndarray  # [n_frames, 24]
    n_samples: int
    sample_rate: int


def _nearest_peak(energy: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Energy of the peak that each slope belongs to, shape (n_frames, 24).

    Rising slopes are followed to the right, and end one band before the peak, as in Loizou's program; the others
    are followed to the left.
    """
    n = slope.shape[1]
    band = np.arange(n)
    not_rising = np.where(slope > 0, n, band)
    right = np.minimum.accumulate(not_rising[:, ::-1], axis=1)[:, ::-1] - 1
    left = np.maximum.accumulate(np.where(slope > 0, band, -1), axis=1) + 1
    return np.take_along_axis(energy, np.where(slope > 0, right, left), axis=1)


def _slopes(x: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Slopes between neighbouring bands in dB, and the weights of [1], both of shape (n_frames, 24)."""
    signal, rate = _loizou.signal_at_rate(x, sample_rate)
    power, _ = _loizou.critical_bands(signal, rate, exponent=1.0)
    energy = 10 * np.log10(np.maximum(power, _FLOOR))
    slope = np.diff(energy, axis=1)
    below_highest = energy.max(axis=1, keepdims=True) - energy[:, :-1]
    below_nearest = _nearest_peak(energy, slope) - energy[:, :-1]
    weight = _GLOBAL_DB / (_GLOBAL_DB + below_highest) * _LOCAL_DB / (_LOCAL_DB + below_nearest)
    return slope, weight


def prepare(reference: np.ndarray, sample_rate: int) -> Clean:
    """Compute the slopes of the reference.

    Raises
    ------
    Unscorable
        ``rate_mismatch`` below 8 kHz, ``too_short`` below 37.5 ms.
    """
    reference = checked_reference(reference)
    slope, weight = _slopes(reference, sample_rate)
    return Clean(slope, weight, len(reference), sample_rate)


def score(state: Clean, estimate: np.ndarray) -> dict[str, float]:
    """Compute the distance; the signals' full scale is 1, as bands are not taken below -100 dB.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal(16_000)
    >>> score(prepare(noise, 16_000), noise)
    {'wss': 0.0}
    """
    slope, weight = _slopes(checked_estimate(estimate, state.n_samples), state.sample_rate)
    weight = (weight + state.weight) / 2
    distance = np.sum(weight * (slope - state.slope) ** 2, axis=1) / np.sum(weight, axis=1)
    return {"wss": _loizou.mean_of_lowest(distance)}
