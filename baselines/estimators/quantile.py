"""Quantile noise estimate refined by a speech probability, as in WebRTC's noise suppressor.

Works on magnitudes. Three staggered trackers follow the lower quartile of each bin's log magnitude. Against it a
likelihood ratio per bin, the flatness of the spectrum and its difference from a template of the noise are turned
into a speech probability, and the noise is averaged where that is low. Levels cancel everywhere, which in WebRTC
they do not.

References
----------
The WebRTC project's description and source of its audio processing module (`modules/audio_processing/ns`), whose
constants belong to a hop of 10 ms. Quantiles: V. Stahl, A. Fischer and R. Bippus, "Quantile based noise estimation
for spectral subtraction and Wiener filtering", ICASSP 2000.
"""

import numba
import numpy as np

from percepkit.baselines.decision_directed import NOISE_MIN
from percepkit.baselines.estimators import _speech_features
from percepkit.baselines.estimators._tracker import Tracker, is_silent

__all__ = ["Quantile"]

TRACKERS = 3
QUANTILE = 0.25
PERIOD_SECONDS = 2.0  # of a tracker; one hands over its result every third of it
DENSITY_WIDTH = 0.01
STEP = 40.0
PAUSE_SECONDS, SPEECH_SECONDS = 0.0949, 0.995  # averaging of the noise, weights 0.9 and 0.99
TEMPLATE_SECONDS = 0.195  # weight 0.95
SPEECH_LIKELY = 0.2
POWER_OF_MEAN = 4 / np.pi  # power over the squared mean magnitude of Gaussian noise


class Quantile(Tracker):
    """Quantile tracking, speech probability, recursive average."""

    paper = "WebRTC"

    def _begin(self) -> None:
        grid = self.grid
        start = np.maximum(self.noise_power, NOISE_MIN)
        period = grid.frames(PERIOD_SECONDS)
        self._log_quantiles = np.broadcast_to(0.5 * np.log(start * -np.log(1 - QUANTILE)), (TRACKERS, grid.n_bins))
        self._log_quantiles = self._log_quantiles.copy()
        self._densities = np.full((TRACKERS, grid.n_bins), 0.3)
        self._ages = np.array([period * (i + 1) // TRACKERS for i in range(TRACKERS)])
        self._period = period
        # Quantile, mean magnitude of the noise, template of it, speech probability
        self._state = np.zeros((4, grid.n_bins))
        self._state[0] = np.exp(self._log_quantiles[0])
        self._state[1:3] = np.sqrt(start / POWER_OF_MEAN)
        self._features = _speech_features.start(grid)
        weights = (PAUSE_SECONDS, SPEECH_SECONDS, TEMPLATE_SECONDS)
        self._weights = np.array([grid.smoothing(seconds) for seconds in weights])

    def _follow(self, power: np.ndarray, noise: np.ndarray) -> None:
        tracked = (self._log_quantiles, self._densities, self._ages, self._period)
        _follow(power, noise, self._state, *tracked, self._features, self._weights)
        self.noise_power = noise[-1].copy()


@numba.njit(cache=True, nogil=True)
def _follow(
    power: np.ndarray,
    out: np.ndarray,
    state: np.ndarray,
    log_quantiles: np.ndarray,
    densities: np.ndarray,
    ages: np.ndarray,
    period: int,
    features: tuple,
    weights: np.ndarray,
) -> None:
    quantile, mean, template, speech = state
    magnitude, logarithm = np.empty(len(mean)), np.empty(len(mean))
    for t in range(len(power)):
        if not is_silent(power[t]):
            for k in range(len(mean)):
                magnitude[k] = np.sqrt(power[t, k])
                logarithm[k] = 0.5 * np.log(max(power[t, k], NOISE_MIN))
            _track_quantiles(logarithm, quantile, log_quantiles, densities, ages, period)
            _speech_features.speech_probability(magnitude, logarithm, quantile, mean, template, speech, features)
            _average(magnitude, mean, template, speech, weights)
        for k in range(len(mean)):
            out[t, k] = POWER_OF_MEAN * mean[k] ** 2


@numba.njit(cache=True, nogil=True)
def _track_quantiles(
    logarithm: np.ndarray,
    quantile: np.ndarray,
    log_quantiles: np.ndarray,
    densities: np.ndarray,
    ages: np.ndarray,
    period: int,
) -> None:
    done = -1
    for i in range(TRACKERS):
        share = 1 / (ages[i] + 1)
        for k in range(len(quantile)):
            step = STEP / max(densities[i, k], 1.0) * share
            up = logarithm[k] > log_quantiles[i, k]
            log_quantiles[i, k] += QUANTILE * step if up else (QUANTILE - 1) * step
            if abs(logarithm[k] - log_quantiles[i, k]) < DENSITY_WIDTH:
                densities[i, k] = (ages[i] * densities[i, k] + 0.5 / DENSITY_WIDTH) * share
        ages[i] += 1
        if ages[i] > period:  # the next step is as wide as the first: only what was found here is remembered
            done, ages[i] = i, 0
    if done >= 0:
        for k in range(len(quantile)):
            quantile[k] = np.exp(log_quantiles[done, k])


@numba.njit(cache=True, nogil=True)
def _average(
    magnitude: np.ndarray, mean: np.ndarray, template: np.ndarray, speech: np.ndarray, weights: np.ndarray
) -> None:
    """Average where speech is unlikely; where the likelihood changes between bins, never faster upwards."""
    weight = weights[0]
    for k in range(len(mean)):
        absent = (1 - speech[k]) * (magnitude[k] - mean[k])
        updated = mean[k] + (1 - weight) * absent
        last, weight = weight, weights[1] if speech[k] > SPEECH_LIKELY else weights[0]
        if speech[k] < SPEECH_LIKELY:
            template[k] = weights[2] * template[k] + (1 - weights[2]) * magnitude[k]
        if weight != last:
            updated = min(updated, mean[k] + (1 - weight) * absent)
        mean[k] = updated
