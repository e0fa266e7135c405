"""Minima-controlled recursive averaging (MCRA).

References
----------
I. Cohen and B. Berdugo, "Noise estimation by minima controlled recursive averaging for robust speech
enhancement", IEEE Signal Process. Lett. 9(1), 2002. The article's weights belong to a hop of 8 ms.
"""

import numba
import numpy as np

from percepkit.baselines.decision_directed import NOISE_MIN
from percepkit.baselines.estimators._tracker import Tracker, is_silent, smooth_three

__all__ = ["Mcra"]

POWER_SECONDS = 0.0359  # alpha_s = 0.8
NOISE_SECONDS = 0.156  # alpha_d = 0.95
PRESENCE_SECONDS = 0.00497  # alpha_p = 0.2
WINDOW_SECONDS = 1.0  # L = 125; the minimum is that of the last one to two windows
DELTA = 5.0  # smoothed power over its minimum, above which there is speech


class Mcra(Tracker):
    """Averages the more slowly, bin by bin, the likelier the smoothed power over its minimum shows speech."""

    paper = "Cohen, Berdugo 2002"

    def _begin(self) -> None:
        grid = self.grid
        self._state = np.zeros((4, grid.n_bins))  # smoothed power, its minimum, the next minimum, presence
        self._state[:3] = self.noise_power
        self._age = np.zeros(1, dtype=np.int64)
        weights = (POWER_SECONDS, NOISE_SECONDS, PRESENCE_SECONDS)
        self._weights = np.array([grid.smoothing(seconds) for seconds in weights])
        self._window = grid.frames(WINDOW_SECONDS)

    def _follow(self, power: np.ndarray, noise: np.ndarray) -> None:
        _follow(power, noise, self.noise_power, self._state, self._age, self._weights, self._window)


@numba.njit(cache=True, nogil=True)
def _follow(
    power: np.ndarray,
    out: np.ndarray,
    noise: np.ndarray,
    state: np.ndarray,
    age: np.ndarray,
    weights: np.ndarray,
    window: int,
) -> None:
    smoothed, minimum, next_minimum, presence = state
    alpha_s, alpha_d, alpha_p = weights
    local = np.empty(len(noise))
    for t in range(len(power)):
        if not is_silent(power[t]):
            smooth_three(power[t], local)
            age[0] += 1
            for k in range(len(noise)):
                smoothed[k] = alpha_s * smoothed[k] + (1 - alpha_s) * local[k]
                minimum[k] = min(minimum[k], smoothed[k])
                next_minimum[k] = min(next_minimum[k], smoothed[k])
                if age[0] == window:
                    minimum[k], next_minimum[k] = next_minimum[k], smoothed[k]
                speech = 1.0 if smoothed[k] > DELTA * max(minimum[k], NOISE_MIN) else 0.0
                presence[k] = alpha_p * presence[k] + (1 - alpha_p) * speech
                weight = alpha_d + (1 - alpha_d) * presence[k]
                noise[k] = weight * noise[k] + (1 - weight) * power[t, k]
            if age[0] == window:
                age[0] = 0
        out[t] = noise
