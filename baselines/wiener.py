"""Wiener filter with the decision-directed estimate of the a-priori SNR.

References
----------
P. Scalart and J. V. Filho, "Speech enhancement based on a priori signal to noise estimation", ICASSP 1996.
Y. Ephraim and D. Malah, "Speech enhancement using a minimum mean-square error short-time spectral amplitude
estimator", IEEE Trans. Acoust., Speech, Signal Process. 32(6), 1984: the decision-directed estimate, eq. 51.
"""

import numba
import numpy as np

from percepkit.baselines.decision_directed import a_posteriori_snr, a_priori_snr
from percepkit.baselines.denoiser import Spec
from percepkit.baselines.grid import Grid
from percepkit.baselines.suppression import Suppressor

__all__ = ["DENOISERS", "DecisionDirectedWiener"]

# 0.95 per hop. The usual 0.98 follows the onsets of speech late: 0.02 STOI and 1 dB SI-SDR lost at 5 dB.
DIRECTED_SECONDS = 0.195
XI_MIN = 0.1 / 0.9  # -9.5 dB: the gain never falls below 0.1 (-20 dB), so that what is left stays even
PAPER = "Scalart, Filho 1996"


class DecisionDirectedWiener:
    """Gain law: G = xi / (1 + xi); xi looks back at what the last frame's gain let through."""

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
            gains[t, k] = xi / (1 + xi)
            clean[k] = gains[t, k] ** 2 * power[t, k]
    return gains


def _named(name: str, estimator: str, summary: str) -> Suppressor:
    return Suppressor(Spec(name=name, summary=summary, paper=PAPER), DecisionDirectedWiener, estimator)


DENOISERS = (
    _named("wiener", "spp", "Wiener filter with decision-directed a-priori SNR."),
    _named("wiener-leading", "leading", "Wiener filter, noise from pauses that a detector finds."),
    _named("wiener-minimum", "minimum", "Wiener filter, noise by minimum statistics."),
)
