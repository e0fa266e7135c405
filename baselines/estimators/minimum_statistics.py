"""Minimum statistics with optimal smoothing and bias compensation.

References
----------
R. Martin, "Noise power spectral density estimation based on optimal smoothing and minimum statistics", IEEE
Trans. Speech Audio Process. 9(5), 2001; the table of M(D) from R. Martin, "Bias compensation methods for minimum
statistics noise power spectral density estimation", Signal Processing 86(6), 2006. The weights belong to a hop of
16 ms.
"""

import numba
import numpy as np

from percepkit.baselines.decision_directed import NOISE_MIN
from percepkit.baselines.estimators._tracker import Tracker, is_silent

__all__ = ["MinimumStatistics", "bias_of_minimum", "mean_of_minimum"]

CORRECTION_SECONDS = 0.0449  # weight 0.7
CORRECTION_MIN = 0.7
LONGEST_SECONDS = 0.392  # alpha_max = 0.96
SHORTEST_SECONDS = 0.0133  # alpha_min = 0.3
MOMENT_SECONDS = 0.0717  # beta_max = 0.8
WINDOW_SECONDS, SUBWINDOWS = 1.536, 8
VARIANCE_WEIGHT = 2.12  # a_v
LEAST_INVERSE_FREEDOM = 1 / 200
START_INVERSE_FREEDOM = 1 / 14  # until the moments are known
#: Mean inverse degrees of freedom, and the fastest rise in dB / s that is believed below it.
RISE_LIMITS = ((0.03, 47.0), (0.05, 31.4), (0.06, 15.7), (np.inf, 4.1))

LENGTHS = (1, 2, 5, 8, 10, 15, 20, 30, 40, 60, 80, 120, 140, 160, 180, 220, 260, 300)
MEANS = (
    0, 0.26, 0.48, 0.58, 0.61, 0.668, 0.705, 0.762, 0.8, 0.841, 0.865, 0.89, 0.9, 0.91, 0.92, 0.93, 0.935, 0.94,
)  # fmt: skip


def mean_of_minimum(n_frames: int) -> float:
    """M(D) of the 2006 article, between its knots linear in the root of D.

    Examples
    --------
    >>> mean_of_minimum(160)
    0.91
    """
    return float(np.interp(np.sqrt(n_frames), np.sqrt(LENGTHS), MEANS))


@numba.njit(cache=True, nogil=True)
def bias_of_minimum(inverse_freedom: float, n_frames: int, mean: float) -> float:
    """Mean power over the expected minimum of ``n_frames`` values.

    Parameters
    ----------
    inverse_freedom : float
        One over the equivalent degrees of freedom of the smoothed power, at most 1/2.
    n_frames : int
        D
    mean : float
        M(D), see `mean_of_minimum`.

    Examples
    --------
    >>> round(bias_of_minimum(1 / 20, 160, 0.91), 3)
    2.574
    """
    return 1 + 2 * (n_frames - 1) * (1 - mean) / (1 / inverse_freedom - 2 * mean)


class MinimumStatistics(Tracker):
    """The minimum of the smoothed power over 1.5 s, raised by what a minimum lies below the mean."""

    paper = "Martin 2001"

    def _begin(self) -> None:
        grid = self.grid
        # Smoothed power, its mean and mean square; minima of subwindow with both biases; minimum; flag
        self._state = np.zeros((7, grid.n_bins))
        self._state[[0, 1, 5]] = self.noise_power
        self._state[2] = self.noise_power**2 * (1 + 2 * START_INVERSE_FREEDOM)
        self._state[[3, 4]] = np.inf
        self._minima = np.broadcast_to(self.noise_power, (SUBWINDOWS, grid.n_bins)).copy()
        self._ages = np.zeros(2, dtype=np.int64)  # frames in the subwindow, place of the oldest subwindow
        self._correction = np.ones(1)
        seconds = (CORRECTION_SECONDS, LONGEST_SECONDS, SHORTEST_SECONDS, MOMENT_SECONDS)
        self._weights = np.array([grid.smoothing(value) for value in seconds])
        self._lengths = np.array([grid.frames(WINDOW_SECONDS / SUBWINDOWS) * n for n in (SUBWINDOWS, 1)])
        self._means = np.array([mean_of_minimum(length) for length in self._lengths])
        seconds_between = grid.hop_seconds * self._lengths[1]
        self._rises = np.array([(limit, 10 ** (rise * seconds_between / 10)) for limit, rise in RISE_LIMITS])

    def _follow(self, power: np.ndarray, noise: np.ndarray) -> None:
        for_bias = (self._lengths, self._means, self._rises)
        memory = (self._state, self._minima, self._ages, self._correction)
        _follow(power, noise, self.noise_power, *memory, self._weights, *for_bias)


@numba.njit(cache=True, nogil=True)
def _follow(
    power: np.ndarray,
    out: np.ndarray,
    noise: np.ndarray,
    state: np.ndarray,
    minima: np.ndarray,
    ages: np.ndarray,
    correction: np.ndarray,
    weights: np.ndarray,
    lengths: np.ndarray,
    means: np.ndarray,
    rises: np.ndarray,
) -> None:
    freedom = np.empty(len(noise))
    lower = np.empty(len(noise), dtype=np.bool_)
    for t in range(len(power)):
        if not is_silent(power[t]):
            ages[0] += 1
            _smooth(power[t], noise, state, correction, weights)
            mean_freedom = _inverse_freedom(noise, state, freedom)
            _lower_minima(state, freedom, lower, 1 + VARIANCE_WEIGHT * np.sqrt(mean_freedom), lengths, means)
            if ages[0] == lengths[1]:
                _end_subwindow(state, minima, ages, lower, rises, mean_freedom)
                for k in range(len(noise)):
                    noise[k] = state[5, k]
            else:
                for k in range(len(noise)):
                    if ages[0] > 1:
                        state[6, k] = max(state[6, k], 1.0 if lower[k] else 0.0)
                        state[5, k] = min(state[4, k], state[5, k])
                    noise[k] = state[5, k]
        out[t] = noise


@numba.njit(cache=True, nogil=True)
def _smooth(
    frame: np.ndarray, noise: np.ndarray, state: np.ndarray, correction: np.ndarray, weights: np.ndarray
) -> None:
    """Smooth the more, the nearer the smoothed power is to the noise, and take its moments."""
    smoothed = state[0]
    wanted = 1 / (1 + (smoothed.sum() / max(frame.sum(), NOISE_MIN) - 1) ** 2)
    correction[0] = weights[0] * correction[0] + (1 - weights[0]) * max(wanted, CORRECTION_MIN)
    for k in range(len(frame)):
        excess = min(smoothed[k] / max(noise[k], NOISE_MIN), 1e100) - 1
        alpha = max(weights[1] * correction[0] / (1 + excess**2), weights[2])
        smoothed[k] = alpha * smoothed[k] + (1 - alpha) * frame[k]
        beta = min(alpha**2, weights[3])
        state[1, k] = beta * state[1, k] + (1 - beta) * smoothed[k]
        state[2, k] = beta * state[2, k] + (1 - beta) * smoothed[k] ** 2


@numba.njit(cache=True, nogil=True)
def _inverse_freedom(noise: np.ndarray, state: np.ndarray, freedom: np.ndarray) -> float:
    total = 0.0
    for k in range(len(noise)):
        variance = max(state[2, k] - state[1, k] ** 2, 0.0)
        ratio = variance / max(2 * noise[k] ** 2, NOISE_MIN)
        freedom[k] = min(max(ratio, LEAST_INVERSE_FREEDOM), 0.5)
        total += freedom[k]
    return total / len(noise)


@numba.njit(cache=True, nogil=True)
def _lower_minima(
    state: np.ndarray,
    freedom: np.ndarray,
    lower: np.ndarray,
    raised: float,
    lengths: np.ndarray,
    means: np.ndarray,
) -> None:
    for k in range(len(freedom)):
        candidate = state[0, k] * raised * bias_of_minimum(freedom[k], lengths[0], means[0])
        lower[k] = candidate < state[3, k]
        if lower[k]:
            state[3, k] = candidate
            state[4, k] = state[0, k] * raised * bias_of_minimum(freedom[k], lengths[1], means[1])


@numba.njit(cache=True, nogil=True)
def _end_subwindow(
    state: np.ndarray,
    minima: np.ndarray,
    ages: np.ndarray,
    lower: np.ndarray,
    rises: np.ndarray,
    mean_freedom: float,
) -> None:
    """Take the minimum over all subwindows; believe a local minimum that lies a little above it."""
    steepest = rises[0, 1]
    for i in range(len(rises)):
        steepest = rises[i, 1]
        if mean_freedom < rises[i, 0]:
            break
    for k in range(len(lower)):
        if lower[k]:
            state[6, k] = 0.0
        minima[ages[1], k] = state[3, k]
        lowest = minima[:, k].min()
        local = state[4, k]
        if state[6, k] > 0 and lowest < local < steepest * lowest:
            lowest = local
            minima[:, k] = local
        state[5, k] = lowest
        state[6, k] = 0.0
        state[3, k] = np.inf
        state[4, k] = np.inf
    ages[0] = 0
    ages[1] = (ages[1] + 1) % len(minima)
