"""Speech probability of WebRTC's suppressor: a likelihood ratio per bin with a prior from three features.

The features of a frame are its mean likelihood ratio, the flatness of its spectrum, and how little of it a
template of the noise explains. Histograms of 5 s say where a threshold lies for each, and whether it tells
anything.
"""

import numba
import numpy as np

from percepkit.baselines.decision_directed import NOISE_MIN
from percepkit.baselines.grid import Grid

__all__ = ["speech_probability", "start"]

HISTOGRAM_SECONDS = 5.0
DIRECTED_SECONDS = 0.495  # decision-directed weight 0.98
LIKELIHOOD_SECONDS = 0.0144  # weight 0.5
FEATURE_SECONDS = 0.028  # weight 0.7
PRIOR_SECONDS = 0.0949  # weight 0.9
BIN_WIDTHS = (0.1, 0.05, 0.1)  # of the histograms of likelihood ratio, flatness and difference
HISTOGRAM_BINS = 1_000
STEEP, STEEPER = 4.0, 8.0  # of the indicators, above their threshold and on the side of pauses
FEW = 0.3  # share of the frames below which a peak of a histogram says nothing
PRIOR_MIN = 0.01

Features = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def start(grid: Grid) -> Features:
    """Fresh state.

    Returns
    -------
    bins : array, shape (2, n_bins)
        Mean log likelihood ratio; clean magnitude of the last frame.
    scalars : array, shape (11,)
        Three features, their thresholds, their weights, prior speech probability, mean power.
    histograms : array, shape (3, HISTOGRAM_BINS)
    weights : array, shape (4,)
        Of the past in the recursions.
    counts : array, shape (2,)
        Frames in the histograms; frames after which they are evaluated.
    """
    seconds = (DIRECTED_SECONDS, LIKELIHOOD_SECONDS, FEATURE_SECONDS, PRIOR_SECONDS)
    scalars = np.array([0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 1.0, 0.0, 0.0, 0.5, 0.0])
    return (
        np.zeros((2, grid.n_bins)),
        scalars,
        np.zeros((3, HISTOGRAM_BINS)),
        np.array([grid.smoothing(value) for value in seconds]),
        np.array([0, grid.frames(HISTOGRAM_SECONDS)]),
    )


@numba.njit(cache=True, nogil=True)
def speech_probability(
    magnitude: np.ndarray,
    logarithm: np.ndarray,
    quantile: np.ndarray,
    mean: np.ndarray,
    template: np.ndarray,
    speech: np.ndarray,
    features: tuple,
) -> None:
    """Write the speech probability of each bin of the next frame to ``speech``.

    Parameters
    ----------
    magnitude, logarithm : float64 arrays, shape (bins,)
        |Y| and its natural logarithm.
    quantile, mean, template : float64 arrays, shape (bins,)
        Magnitudes of the noise: lower quartile, mean before this frame, slow mean.
    speech : float64 array, shape (bins,)
        Written to.
    features : tuple
        State, see `start`.
    """
    bins, scalars, histograms, weights, counts = features
    ratio = _likelihood_ratios(magnitude, quantile, mean, bins, weights)
    scalars[0] = ratio
    scalars[1] += (1 - weights[2]) * (_flatness(magnitude, logarithm) - scalars[1])
    scalars[2] += (1 - weights[2]) * (_difference(magnitude, template, scalars, counts) - scalars[2])
    for i in range(3):
        place = scalars[i] / BIN_WIDTHS[i]
        if 0 <= place < HISTOGRAM_BINS:
            histograms[i, int(place)] += 1
    counts[0] += 1
    if counts[0] == counts[1]:
        _set_thresholds(scalars, histograms, counts[1])
        histograms[:] = 0
        counts[0] = 0
    prior = _prior(scalars, weights[3])
    odds = (1 - prior) / (prior + 1e-4)
    for k in range(len(speech)):
        speech[k] = 1 / (1 + odds * np.exp(-min(max(bins[0, k], -700.0), 700.0)))


@numba.njit(cache=True, nogil=True)
def _likelihood_ratios(
    magnitude: np.ndarray, quantile: np.ndarray, mean: np.ndarray, bins: np.ndarray, weights: np.ndarray
) -> float:
    ratio, clean = bins
    total = 0.0
    for k in range(len(magnitude)):
        posterior = min(magnitude[k] / max(quantile[k], NOISE_MIN), 1e30)
        prior = weights[0] * clean[k] / max(mean[k], NOISE_MIN) + (1 - weights[0]) * max(posterior - 1, 0.0)
        prior = min(prior, 1e30)
        value = posterior * 2 * prior / (1 + 2 * prior) - np.log1p(2 * prior)
        ratio[k] += (1 - weights[1]) * (value - ratio[k])
        clean[k] = prior / (1 + prior) * magnitude[k]
        total += ratio[k]
    return total / len(magnitude)


@numba.njit(cache=True, nogil=True)
def _flatness(magnitude: np.ndarray, logarithm: np.ndarray) -> float:
    """Geometric over arithmetic mean of the magnitudes, without DC."""
    if len(magnitude) == 1:
        return 1.0
    average = magnitude[1:].mean()
    if average <= 0:
        return 1.0
    return np.exp(logarithm[1:].mean()) / average


@numba.njit(cache=True, nogil=True)
def _difference(magnitude: np.ndarray, template: np.ndarray, scalars: np.ndarray, counts: np.ndarray) -> float:
    """Variance over bins that the template does not explain, relative to the mean power."""
    centre, centre_template = magnitude.mean(), template.mean()
    variance = variance_template = covariance = power = 0.0
    for k in range(len(magnitude)):
        here, there = magnitude[k] - centre, template[k] - centre_template
        variance += here * here
        variance_template += there * there
        covariance += here * there
        power += magnitude[k] ** 2
    if scalars[10] == 0:
        scalars[10] = power
    scalars[10] += (power - scalars[10]) / counts[1]
    left = variance - covariance**2 / max(variance_template, NOISE_MIN)
    return max(left, 0.0) / max(scalars[10], NOISE_MIN)


@numba.njit(cache=True, nogil=True)
def _set_thresholds(scalars: np.ndarray, histograms: np.ndarray, n_frames: int) -> None:
    low = mean = square = few = 0.0
    for i in range(HISTOGRAM_BINS):
        middle = (i + 0.5) * BIN_WIDTHS[0]
        if i < 10:
            low += middle * histograms[0, i]
            few += histograms[0, i]
        mean += middle * histograms[0, i] / n_frames
        square += middle**2 * histograms[0, i] / n_frames
    low = low / few if few else 0.0
    steady = square - low * mean < 0.05  # the ratio hardly moves: no speech, or nothing else
    scalars[3] = 1.0 if steady else min(max(1.2 * low, 0.2), 1.0)
    flat, difference = histograms[1].argmax(), histograms[2].argmax()
    at_flat, at_difference = (flat + 0.5) * BIN_WIDTHS[1], (difference + 0.5) * BIN_WIDTHS[2]
    use_flat = histograms[1, flat] >= FEW * n_frames and at_flat >= 0.6
    use_difference = histograms[2, difference] >= FEW * n_frames and not steady
    scalars[4] = min(max(0.9 * at_flat, 0.1), 0.95)
    scalars[5] = min(max(1.2 * at_difference, 0.16), 1.0)
    each = 1.0 / (1 + int(use_flat) + int(use_difference))
    scalars[6] = each
    scalars[7] = each if use_flat else 0.0
    scalars[8] = each if use_difference else 0.0


@numba.njit(cache=True, nogil=True)
def _prior(scalars: np.ndarray, weight: float) -> float:
    wanted = 0.0
    for i in range(3):
        excess = scalars[i] - scalars[3 + i]
        if i == 1:
            excess = -excess  # speech is less flat than noise
        slope = STEEP if excess >= 0 else STEEPER
        wanted += scalars[6 + i] * 0.5 * (np.tanh(slope * excess) + 1)
    scalars[9] = min(max(weight * scalars[9] + (1 - weight) * wanted, PRIOR_MIN), 1.0)
    return scalars[9]
