"""The two SNRs that gain laws go by, and the laws that are a curve over them.

References
----------
Y. Ephraim and D. Malah, "Speech enhancement using a minimum mean-square error short-time spectral amplitude
estimator", IEEE Trans. Acoust., Speech, Signal Process. 32(6), 1984.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import numba
import numpy as np

from percepkit.baselines.grid import Grid

__all__ = ["NOISE_MIN", "SNR_MAX", "DecisionDirected", "a_posteriori_snr", "a_priori_snr"]

NOISE_MIN = 1e-100  # power below any sound; ratios to it stay finite
SNR_MAX = 1e10  # 100 dB: beyond it no gain changes, and nothing overflows
GAMMA_MIN = 1e-6  # gains of amplitudes grow as 1 / sqrt(gamma) towards nothing, and are capped at 1


@numba.njit(cache=True, nogil=True)
def a_posteriori_snr(power: float, noise: float) -> float:
    """Gamma: power over noise power, at most 100 dB."""
    return min(power / max(noise, NOISE_MIN), SNR_MAX)


@numba.njit(cache=True, nogil=True)
def a_priori_snr(gamma: float, clean: float, noise: float, smoothing: float, lowest: float) -> float:
    """Decision-directed xi (Ephraim and Malah 1984, eq. 51).

    Parameters
    ----------
    gamma : float
        A-posteriori SNR.
    clean, noise : float
        Power that the last frame's gain let through; noise power now.
    smoothing : float
        Weight of the last frame.
    lowest : float
        Least value.

    Examples
    --------
    >>> round(a_priori_snr(3.0, 4.0, 2.0, 0.9, 0.01), 3)
    2.0
    """
    xi = smoothing * clean / max(noise, NOISE_MIN) + (1 - smoothing) * max(gamma - 1, 0.0)
    return min(max(xi, lowest), SNR_MAX)


class DecisionDirected(ABC):
    """Gain law: a curve over the SNRs of each bin, where xi looks back at what the last frame's gain let through.

    Attributes
    ----------
    directed_seconds : float
        Time constant of xi; 0.95 per hop. The usual 0.98 follows the onsets of speech late: 0.02 STOI and 1 dB
        SI-SDR lost at 5 dB.
    xi_min, gain_min : float
        Least xi and least gain.
    """

    directed_seconds: ClassVar[float] = 0.195
    xi_min: ClassVar[float] = 10 ** (-20 / 10)
    gain_min: ClassVar[float] = 0.1

    def __init__(self, grid: Grid) -> None:
        self._smoothing = grid.smoothing(self.directed_seconds)
        self._clean = np.zeros(grid.n_bins)

    def gains(self, power: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Gains in [0, 1] of the next frames; see `percepkit.baselines.suppression.GainLaw`."""
        gains = np.empty_like(power)
        for t in range(len(power)):
            xi, gamma = self._snrs(power[t], noise[t])
            _apply(self.curve(xi, gamma), self.gain_min, power[t], gains[t], self._clean)
        return gains

    @staticmethod
    @abstractmethod
    def curve(xi: np.ndarray, gamma: np.ndarray) -> np.ndarray:
        """Gains of a frame from its SNRs, all of shape (bins,); they are confined afterwards."""

    def _snrs(self, power: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Xi and gamma of a frame, shape (2, bins)."""
        return _snrs(power, noise, self._clean, self._smoothing, self.xi_min)


@numba.njit(cache=True, nogil=True)
def _snrs(power: np.ndarray, noise: np.ndarray, clean: np.ndarray, smoothing: float, lowest: float) -> np.ndarray:
    snrs = np.empty((2, len(power)))
    for k in range(len(power)):
        gamma = a_posteriori_snr(power[k], noise[k])
        snrs[0, k] = a_priori_snr(gamma, clean[k], noise[k], smoothing, lowest)
        snrs[1, k] = max(gamma, GAMMA_MIN)
    return snrs


@numba.njit(cache=True, nogil=True)
def _apply(wanted: np.ndarray, lowest: float, power: np.ndarray, gains: np.ndarray, clean: np.ndarray) -> None:
    """Confine gains, and keep the power that they let through."""
    for k in range(len(power)):
        gains[k] = min(max(wanted[k], lowest), 1.0)
        clean[k] = gains[k] ** 2 * power[k]
