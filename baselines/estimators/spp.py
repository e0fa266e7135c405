"""Noise power tracked by the speech presence probability with a fixed prior SNR (MMSE-SPP).

References
----------
T. Gerkmann and R. C. Hendriks, "Unbiased MMSE-based noise power estimation with low complexity and low
tracking delay", IEEE Trans. Audio, Speech, Language Process. 20(4), 2012.
"""

import numba
import numpy as np

from percepkit.baselines.decision_directed import NOISE_MIN
from percepkit.baselines.estimators._tracker import Tracker, is_silent

__all__ = ["Spp"]

XI_H1 = 10 ** (15 / 10)  # SNR where speech is present, 15 dB
NOISE_SECONDS = 0.0717  # weight 0.8 at the article's hop of 16 ms
PRESENCE_SECONDS = 0.152  # weight 0.9 at the article's hop of 16 ms
PRESENCE_CAP = 0.99  # keeps the estimate from freezing below the noise for ever


class Spp(Tracker):
    """Where speech is probably absent the estimate follows the periodogram, else it stays.

    In stationary noise it comes to rest 1 dB low, as the article's rule does; we leave it there.

    Examples
    --------
    >>> from percepkit.baselines.grid import grid_of
    >>> frames = np.random.default_rng(0).exponential(size=(500, 161))
    >>> bool(0.75 < Spp(grid_of(16_000)).track(frames)[50:].mean() < 0.9)
    True
    """

    paper = "Gerkmann, Hendriks 2012"

    def _begin(self) -> None:
        self._mean_presence = np.full(self.grid.n_bins, 0.5)
        self._smoothing = self.grid.smoothing(NOISE_SECONDS), self.grid.smoothing(PRESENCE_SECONDS)

    def _follow(self, power: np.ndarray, noise: np.ndarray) -> None:
        _follow(power, noise, self.noise_power, self._mean_presence, *self._smoothing)


@numba.njit(cache=True, nogil=True)
def _follow(
    power: np.ndarray,
    out: np.ndarray,
    noise: np.ndarray,
    mean_presence: np.ndarray,
    noise_smoothing: float,
    presence_smoothing: float,
) -> None:
    for t in range(len(power)):
        if not is_silent(power[t]):
            for k in range(len(noise)):
                # Eq. 18 with equal priors; the exponent is limited where the probability is 1 in any case.
                snr = power[t, k] / max(noise[k], NOISE_MIN)
                present = 1 / (1 + (1 + XI_H1) * np.exp(-min(snr * (XI_H1 / (1 + XI_H1)), 700.0)))
                mean_presence[k] = presence_smoothing * mean_presence[k] + (1 - presence_smoothing) * present
                if mean_presence[k] > PRESENCE_CAP:
                    present = min(present, PRESENCE_CAP)
                # Eq. 22 and 8: the periodogram where speech is absent, the old estimate where it is present.
                estimate = power[t, k] + present * (noise[k] - power[t, k])
                noise[k] = noise_smoothing * noise[k] + (1 - noise_smoothing) * estimate
        out[t] = noise
