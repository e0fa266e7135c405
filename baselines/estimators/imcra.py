"""Improved minima-controlled recursive averaging (IMCRA).

References
----------
I. Cohen, "Noise spectrum estimation in adverse environments: improved minima controlled recursive averaging",
IEEE Trans. Speech Audio Process. 11(5), 2003. The article's weights belong to a hop of 8 ms.
"""

import numba
import numpy as np

from percepkit.baselines.decision_directed import NOISE_MIN, a_posteriori_snr, a_priori_snr
from percepkit.baselines.estimators._tracker import Tracker, is_silent, smooth_three
from percepkit.dsp.special import exp1

__all__ = ["Imcra"]

POWER_SECONDS = 0.0759  # alpha_s = 0.9
NOISE_SECONDS = 0.0492  # alpha_d = 0.85
DIRECTED_SECONDS = 0.0959  # alpha = 0.92
SUBWINDOW_SECONDS = 0.12  # V = 15
SUBWINDOWS = 8
BIAS_OF_MINIMUM = 1.66  # B_min: mean over expected minimum of the smoothed power
BIAS_OF_NOISE = 1.47  # beta: strong noise counts as speech
GAMMA_0, GAMMA_1, ZETA_0 = 4.6, 3.0, 1.67
XI_MIN = 10 ** (-25 / 10)


class Imcra(Tracker):
    """MCRA with a second look at the minimum, after the strong parts of speech are left out."""

    paper = "Cohen 2003"

    def _begin(self) -> None:
        grid = self.grid
        # Mean noise, clean power, smoothed power twice, current minimum twice, minimum of all subwindows twice.
        self._state = np.zeros((8, grid.n_bins))
        self._state[0] = self.noise_power / BIAS_OF_NOISE
        self._state[2:6] = self.noise_power
        self._minima = np.broadcast_to(self.noise_power, (2, SUBWINDOWS, grid.n_bins)).copy()
        self._state[6:] = self.noise_power
        self._age = np.zeros(2, dtype=np.int64)  # frames in the subwindow, place of the oldest subwindow
        weights = (POWER_SECONDS, NOISE_SECONDS, DIRECTED_SECONDS)
        self._weights = np.array([grid.smoothing(seconds) for seconds in weights])
        self._subwindow = grid.frames(SUBWINDOW_SECONDS)

    def _follow(self, power: np.ndarray, noise: np.ndarray) -> None:
        _follow(
            power, noise, self.noise_power, self._state, self._minima, self._age, self._weights, self._subwindow
        )


@numba.njit(cache=True, nogil=True)
def _follow(
    power: np.ndarray,
    out: np.ndarray,
    noise: np.ndarray,
    state: np.ndarray,
    minima: np.ndarray,
    age: np.ndarray,
    weights: np.ndarray,
    subwindow: int,
) -> None:
    local = np.empty((3, len(noise)))
    for t in range(len(power)):
        if not is_silent(power[t]):
            _smooth(power[t], state, local, weights[0])
            _minimum_of_subwindows(state[2], state[4], state[6])
            _leave_speech_out(power[t], state, local, weights[0])
            _minimum_of_subwindows(state[3], state[5], state[7])
            _average(power[t], noise, state, weights[1], weights[2])
            age[0] += 1
            if age[0] == subwindow:
                age[0] = 0
                _shift(state[2], state[4], state[6], minima[0], age[1])
                _shift(state[3], state[5], state[7], minima[1], age[1])
                age[1] = (age[1] + 1) % SUBWINDOWS
        out[t] = noise


@numba.njit(cache=True, nogil=True)
def _smooth(frame: np.ndarray, state: np.ndarray, local: np.ndarray, alpha: float) -> None:
    smooth_three(frame, local[0])
    for k in range(len(frame)):
        state[2, k] = alpha * state[2, k] + (1 - alpha) * local[0, k]


@numba.njit(cache=True, nogil=True)
def _minimum_of_subwindows(smoothed: np.ndarray, current: np.ndarray, minimum: np.ndarray) -> None:
    for k in range(len(smoothed)):
        current[k] = min(current[k], smoothed[k])
        minimum[k] = min(minimum[k], smoothed[k])


@numba.njit(cache=True, nogil=True)
def _shift(
    smoothed: np.ndarray, current: np.ndarray, minimum: np.ndarray, minima: np.ndarray, oldest: int
) -> None:
    """Store the subwindow's minimum in place of the oldest and start another."""
    for k in range(len(smoothed)):
        minima[oldest, k] = current[k]
        current[k] = smoothed[k]
        minimum[k] = minima[:, k].min()


@numba.njit(cache=True, nogil=True)
def _leave_speech_out(frame: np.ndarray, state: np.ndarray, local: np.ndarray, alpha: float) -> None:
    """Second smoothing, over the bins in which the first minimum shows no speech."""
    smoothed, again, minimum = state[2], state[3], state[6]
    for k in range(len(frame)):
        floor = max(BIAS_OF_MINIMUM * minimum[k], NOISE_MIN)
        absent = frame[k] < GAMMA_0 * floor and smoothed[k] < ZETA_0 * floor
        local[1, k] = 1.0 if absent else 0.0
        local[2, k] = frame[k] if absent else 0.0
    for k in range(len(frame)):
        weight, total = 2 * local[1, k], 2 * local[2, k]
        if k > 0:
            weight, total = weight + local[1, k - 1], total + local[2, k - 1]
        if k < len(frame) - 1:
            weight, total = weight + local[1, k + 1], total + local[2, k + 1]
        if weight > 0:
            again[k] = alpha * again[k] + (1 - alpha) * total / weight


@numba.njit(cache=True, nogil=True)
def _average(frame: np.ndarray, noise: np.ndarray, state: np.ndarray, alpha_d: float, directed: float) -> None:
    mean, clean, smoothed, minimum = state[0], state[1], state[2], state[7]
    for k in range(len(frame)):
        gamma = a_posteriori_snr(frame[k], noise[k])
        xi = a_priori_snr(gamma, clean[k], noise[k], directed, XI_MIN)
        v = gamma * xi / (1 + xi)
        floor = max(BIAS_OF_MINIMUM * minimum[k], NOISE_MIN)
        gamma_min = frame[k] / floor
        absence = 0.0  # q
        if smoothed[k] < ZETA_0 * floor:
            absence = min(max((GAMMA_1 - gamma_min) / (GAMMA_1 - 1), 0.0), 1.0)
        presence = 0.0
        if absence < 1:
            presence = 1 / (1 + absence / (1 - absence) * (1 + xi) * np.exp(-min(v, 700.0)))
        weight = alpha_d + (1 - alpha_d) * presence
        mean[k] = weight * mean[k] + (1 - weight) * frame[k]
        noise[k] = BIAS_OF_NOISE * mean[k]
        gain = xi / (1 + xi) * np.exp(0.5 * exp1(max(v, NOISE_MIN)))
        clean[k] = min(gain, 1.0) ** 2 * frame[k]
