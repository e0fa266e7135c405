"""Minimum mean-square error estimate of the short-time spectral amplitude (MMSE-STSA).

References
----------
Y. Ephraim and D. Malah, "Speech enhancement using a minimum mean-square error short-time spectral amplitude
estimator", IEEE Trans. Acoust., Speech, Signal Process. 32(6), 1984.
"""

import numba
import numpy as np

from percepkit.baselines.decision_directed import a_posteriori_snr, a_priori_snr
from percepkit.baselines.denoiser import Spec
from percepkit.baselines.grid import Grid
from percepkit.baselines.suppression import Suppressor
from percepkit.dsp.special import i0e, i1e

__all__ = ["DENOISERS", "MmseStsa", "stsa_gain"]

DIRECTED_SECONDS = 0.195
XI_MIN = 10 ** (-20 / 10)
GAIN_MIN = 0.1
GAMMA_MIN = 1e-6  # the gain grows as 1 / sqrt(gamma) towards nothing, and is capped at 1


@numba.njit(cache=True, nogil=True)
def stsa_gain(xi: float, gamma: float) -> float:
    """Gain from a-priori and a-posteriori SNR (eq. 7), not limited to 1.

    Examples
    --------
    >>> round(stsa_gain(1.0, 2.0), 4)
    0.641
    """
    v = xi / (1 + xi) * gamma
    bessel = (1 + v) * i0e(v / 2) + v * i1e(v / 2)
    return 0.5 * np.sqrt(np.pi * v) / gamma * bessel


class MmseStsa:
    """Gain law of Ephraim and Malah 1984 with decision-directed xi."""

    def __init__(self, grid: Grid) -> None:
        self._smoothing = grid.smoothing(DIRECTED_SECONDS)
        self._clean = np.zeros(grid.n_bins)

    def gains(self, power: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Gains in [0, 1] of the next frames; see `percepkit.baselines.suppression.GainLaw`."""
        return _gains(power, noise, self._clean, self._smoothing)


@numba.njit(cache=True, nogil=True)
def _gains(power: np.ndarray, noise: np.ndarray, clean: np.ndarray, smoothing: float) -> np.ndarray:
    gains = np.empty_like(power)
    for t in range(len(power)):
        for k in range(len(clean)):
            gamma = a_posteriori_snr(power[t, k], noise[t, k])
            xi = a_priori_snr(gamma, clean[k], noise[t, k], smoothing, XI_MIN)
            gains[t, k] = min(max(stsa_gain(xi, max(gamma, GAMMA_MIN)), GAIN_MIN), 1.0)
            clean[k] = gains[t, k] ** 2 * power[t, k]
    return gains


def _named(name: str, estimator: str, summary: str) -> Suppressor:
    return Suppressor(Spec(name=name, summary=summary, paper="Ephraim, Malah 1984"), MmseStsa, estimator)


DENOISERS = (
    _named("mmse-stsa", "spp", "MMSE estimate of the spectral amplitude."),
    _named(
        "mmse-stsa-minimum", "minimum", "MMSE estimate of the spectral amplitude, noise by minimum statistics."
    ),
)
