"""Multi-band spectral subtraction: an over-subtraction for each of a few bands, from the band's own SNR.

The article averages five frames, two of them later; we weigh the frame and the two before it, to stay causal.

References
----------
S. Kamath and P. C. Loizou, "A multi-band spectral subtraction method for enhancing speech corrupted by colored
noise", ICASSP 2002.
"""

import numpy as np

from percepkit.baselines.decision_directed import NOISE_MIN
from percepkit.baselines.denoiser import Spec
from percepkit.baselines.grid import Grid
from percepkit.baselines.spectral_subtraction import over_subtraction
from percepkit.baselines.suppression import Suppressor

__all__ = ["DENOISERS", "MultiBandSubtraction", "band_factor"]

BAND_HZ = 1_000.0
FLOOR = 0.01  # of the power; the article's 0.002 leaves more isolated peaks
RETURNED = 0.05  # share of the power that is added back, against isolated peaks
WEIGHTS = np.array([0.09, 0.25, 0.32]) / 0.66  # from two frames back to now


def band_factor(top_hz: np.ndarray, sample_rate: float) -> np.ndarray:
    """Factor delta on the over-subtraction of bands: 1 up to 1 kHz, 2.5, and 1.5 in the last 2 kHz.

    Parameters
    ----------
    top_hz : float array
        Upper edges of the bands.
    sample_rate : float
        In Hz.

    Examples
    --------
    >>> band_factor(np.array([1_000.0, 4_000.0, 8_000.0]), 16_000)
    array([1. , 2.5, 1.5])
    """
    return np.where(top_hz <= 1_000, 1.0, np.where(top_hz <= sample_rate / 2 - 2_000, 2.5, 1.5))


class MultiBandSubtraction:
    """Gain law: |S|^2 = |Y|^2 - alpha delta N in each band, at least `FLOOR` |Y|^2, plus `RETURNED` |Y|^2."""

    def __init__(self, grid: Grid) -> None:
        n_bands = min(max(round((grid.n_bins - 1) * grid.bin_hz / BAND_HZ), 1), grid.n_bins)
        self._edges = np.linspace(0, grid.n_bins, n_bands + 1).astype(int)
        sample_rate = 2 * (grid.n_bins - 1) * grid.bin_hz
        top_hz = (self._edges[1:] - 1) * grid.bin_hz
        self._factors = band_factor(top_hz, sample_rate)
        self._last = np.zeros((0, grid.n_bins))

    def gains(self, power: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Gains in [0, 1] of the next frames; see `percepkit.baselines.suppression.GainLaw`."""
        smoothed = self._smooth(power)
        starts, widths = self._edges[:-1], np.diff(self._edges)
        band_noise = np.maximum(np.add.reduceat(noise, starts, axis=1), NOISE_MIN)
        snr = np.maximum(np.add.reduceat(smoothed, starts, axis=1) / band_noise, NOISE_MIN)
        factor = np.repeat(over_subtraction(10 * np.log10(snr)) * self._factors, widths, axis=1)
        wanted = np.maximum(smoothed - factor * noise, FLOOR * smoothed) + RETURNED * smoothed
        return np.sqrt(np.minimum(wanted / np.maximum(power, NOISE_MIN), 1))

    def _smooth(self, power: np.ndarray) -> np.ndarray:
        """Mean of each frame and the two before it; the first frame stands for those before it."""
        if not len(power):
            return power
        if not len(self._last):
            self._last = np.repeat(power[:1], len(WEIGHTS) - 1, axis=0)
        known = np.concatenate([self._last, power])
        self._last = known[len(power) :].copy()
        return np.sum([weight * known[i : i + len(power)] for i, weight in enumerate(WEIGHTS)], axis=0)


DENOISERS = (
    Suppressor(
        Spec(
            name="multi-band-subtraction",
            summary="Power subtraction with an over-subtraction for each band of 1 kHz.",
            paper="Kamath, Loizou 2002",
        ),
        MultiBandSubtraction,
        "spp",
    ),
)
