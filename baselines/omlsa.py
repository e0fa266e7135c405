"""Optimally modified log-spectral amplitude estimator (OM-LSA).

Log-MMSE where speech is present and a constant floor where it is absent, weighed geometrically by the probability
of presence. Its prior comes from the a-priori SNR of the bin's surroundings, near, wide and over the whole frame.

References
----------
I. Cohen and B. Berdugo, "Speech enhancement for non-stationary noise environments", Signal Processing 81(11),
2001. The article's weights belong to a hop of 8 ms.
"""

import numba
import numpy as np

from percepkit.baselines.decision_directed import a_posteriori_snr, a_priori_snr
from percepkit.baselines.denoiser import Spec
from percepkit.baselines.estimators._tracker import smooth_three
from percepkit.baselines.grid import Grid
from percepkit.baselines.suppression import Suppressor
from percepkit.dsp.special import exp1

__all__ = ["DENOISERS", "Omlsa", "presence_of_snr", "presence_probability"]

DIRECTED_SECONDS = 0.0959  # alpha = 0.92
SNR_SECONDS = 0.0224  # beta = 0.7
GLOBAL_HZ = 469.0  # half width of the wide window, 15 bins of 31.25 Hz
LOWEST_HZ, HIGHEST_HZ = 50.0, 10_000.0  # of the bins that the frame is judged by
SNR_LOW, SNR_HIGH = 10 ** (-10 / 10), 10 ** (-5 / 10)  # zeta_min, zeta_max
PEAK_LOW, PEAK_HIGH = 1.0, 10.0  # zeta_p_min, zeta_p_max
ABSENCE_MAX = 0.95  # q_max
XI_MIN = 10 ** (-25 / 10)
GAIN_MIN = 0.1
GAMMA_MIN = 1e-6


@numba.njit(cache=True, nogil=True)
def presence_of_snr(snr: float) -> float:
    """Prior presence of speech: 0 up to -10 dB, 1 from -5 dB on, between them linear in dB.

    Examples
    --------
    >>> round(presence_of_snr(10 ** -0.75), 3)
    0.5
    """
    if snr <= SNR_LOW:
        return 0.0
    return min(np.log(snr / SNR_LOW) / np.log(SNR_HIGH / SNR_LOW), 1.0)


@numba.njit(cache=True, nogil=True)
def presence_probability(absence: float, xi: float, v: float) -> float:
    """Probability of speech given the bin.

    Parameters
    ----------
    absence : float
        Prior probability that there is none, below 1.
    xi, v : float
        A-priori SNR, and gamma xi / (1 + xi).

    Examples
    --------
    >>> presence_probability(0.5, 1.0, 0.0)
    0.3333333333333333
    """
    return 1 / (1 + absence / (1 - absence) * (1 + xi) * np.exp(-min(v, 700.0)))


class Omlsa:
    """Gain law: G = G_present^p G_min^(1 - p)."""

    def __init__(self, grid: Grid) -> None:
        # xi of the last frame, its recursive mean, power let through by the gain of present speech
        self._state = np.zeros((3, grid.n_bins))
        self._frame = np.zeros(2)  # mean SNR of the last frame, its confined peak
        half = grid.bins(GLOBAL_HZ)
        self._window = np.hanning(2 * half + 3)[1:-1]
        self._weights = grid.smoothing(DIRECTED_SECONDS), grid.smoothing(SNR_SECONDS)
        first = min(grid.bins(LOWEST_HZ), grid.n_bins - 1)
        self._range = first, max(min(grid.bins(HIGHEST_HZ) + 1, grid.n_bins), first + 1)

    def gains(self, power: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Gains in [0, 1] of the next frames; see `percepkit.baselines.suppression.GainLaw`."""
        return _gains(power, noise, self._state, self._frame, self._window, *self._weights, *self._range)


@numba.njit(cache=True, nogil=True)
def _gains(
    power: np.ndarray,
    noise: np.ndarray,
    state: np.ndarray,
    frame: np.ndarray,
    window: np.ndarray,
    directed: float,
    smoothing: float,
    first: int,
    last: int,
) -> np.ndarray:
    prior, mean, clean = state
    gains = np.empty_like(power)
    near, wide = np.empty(len(prior)), np.empty(len(prior))
    for t in range(len(power)):
        for k in range(len(prior)):
            mean[k] = smoothing * mean[k] + (1 - smoothing) * prior[k]
        smooth_three(mean, near)
        _smooth_wide(mean, window, wide)
        whole = _presence_of_frame(mean[first:last].mean(), frame)
        for k in range(len(prior)):
            gamma = max(a_posteriori_snr(power[t, k], noise[t, k]), GAMMA_MIN)
            prior[k] = a_priori_snr(gamma, clean[k], noise[t, k], directed, XI_MIN)
            wiener = prior[k] / (1 + prior[k])
            present_gain = min(wiener * np.exp(0.5 * exp1(wiener * gamma)), 1.0)
            absence = 1 - whole * presence_of_snr(near[k]) * presence_of_snr(wide[k])
            present = presence_probability(min(absence, ABSENCE_MAX), prior[k], wiener * gamma)
            gain = np.exp(present * np.log(present_gain) + (1 - present) * np.log(GAIN_MIN))
            gains[t, k] = max(gain, GAIN_MIN)
            clean[k] = present_gain**2 * power[t, k]
    return gains


@numba.njit(cache=True, nogil=True)
def _smooth_wide(values: np.ndarray, window: np.ndarray, out: np.ndarray) -> None:
    half = len(window) // 2
    for k in range(len(values)):
        total = weights = 0.0
        for j in range(max(k - half, 0), min(k + half + 1, len(values))):
            weight = window[j - k + half]
            total += weight * values[j]
            weights += weight
        out[k] = total / weights


@numba.njit(cache=True, nogil=True)
def _presence_of_frame(snr: float, frame: np.ndarray) -> float:
    """Presence in the frame: certain while the SNR rises, then judged against the peak."""
    rising = snr > frame[0]
    frame[0] = snr
    if snr <= SNR_LOW:
        return 0.0
    if rising:
        frame[1] = min(max(snr, PEAK_LOW), PEAK_HIGH)
        return 1.0
    return presence_of_snr(snr / max(frame[1], PEAK_LOW))


def _named(name: str, estimator: str, summary: str) -> Suppressor:
    return Suppressor(Spec(name=name, summary=summary, paper="Cohen, Berdugo 2001"), Omlsa, estimator)


DENOISERS = (
    _named("omlsa", "imcra", "Log-MMSE weighed by the probability of speech, noise by improved MCRA."),
    _named("omlsa-mcra", "mcra", "Log-MMSE weighed by the probability of speech, noise by MCRA."),
    _named("omlsa-spp", "spp", "Log-MMSE weighed by the probability of speech, noise by MMSE-SPP."),
)
