"""Noise power of the leading frames, averaged on wherever a voice activity detector hears no speech.

The oldest way to follow noise. A rise that the detector takes for speech is never followed.

References
----------
J. Sohn, N. S. Kim and W. Sung, "A statistical model-based voice activity detection", IEEE Signal Process.
Lett. 6(1), 1999: the mean log-likelihood ratio; as P. C. Loizou, "Speech Enhancement: Theory and Practice",
2nd ed., CRC Press 2013, uses it.
"""

import numba
import numpy as np

from percepkit.baselines.decision_directed import a_posteriori_snr, a_priori_snr
from percepkit.baselines.estimators._tracker import Tracker, is_silent

__all__ = ["Leading"]

NOISE_SECONDS = 0.495  # weight 0.98 at a hop of 10 ms
DIRECTED_SECONDS = 0.495  # decision-directed weight 0.98
THRESHOLD = 0.15  # mean log-likelihood ratio above which a frame holds speech
GAMMA_MAX = 40.0
XI_MIN = 10 ** (-25 / 10)


class Leading(Tracker):
    """Recursive average over the frames without speech."""

    paper = "Sohn, Kim, Sung 1999"

    def _begin(self) -> None:
        self._clean = np.zeros(self.grid.n_bins)
        self._smoothing = self.grid.smoothing(NOISE_SECONDS), self.grid.smoothing(DIRECTED_SECONDS)

    def _follow(self, power: np.ndarray, noise: np.ndarray) -> None:
        _follow(power, noise, self.noise_power, self._clean, *self._smoothing)


@numba.njit(cache=True, nogil=True)
def _follow(
    power: np.ndarray, out: np.ndarray, noise: np.ndarray, clean: np.ndarray, smoothing: float, directed: float
) -> None:
    n_bins = len(noise)
    for t in range(len(power)):
        if not is_silent(power[t]):
            ratio = 0.0
            for k in range(n_bins):
                gamma = min(a_posteriori_snr(power[t, k], noise[k]), GAMMA_MAX)
                xi = a_priori_snr(gamma, clean[k], noise[k], directed, XI_MIN)
                ratio += gamma * xi / (1 + xi) - np.log1p(xi)
                clean[k] = (xi / (1 + xi)) ** 2 * gamma * noise[k]
            if ratio < THRESHOLD * n_bins:
                for k in range(n_bins):
                    noise[k] = smoothing * noise[k] + (1 - smoothing) * power[t, k]
        out[t] = noise
