"""Wiener gain on magnitudes, after WebRTC's suppressor at its third of four levels.

WebRTC also scales each frame as a whole by its speech probability, splits off the band above 8 kHz, and delays by
its own filter bank; this is its gain on the frames and bins that all suppressors share here.

References
----------
The WebRTC project, source of its audio processing module (`modules/audio_processing/ns`), whose constants belong
to a hop of 10 ms.
"""

import numba
import numpy as np

from percepkit.baselines.decision_directed import a_posteriori_snr
from percepkit.baselines.denoiser import Spec
from percepkit.baselines.grid import Grid
from percepkit.baselines.suppression import Suppressor

__all__ = ["DENOISERS", "MagnitudeWiener"]

DIRECTED_SECONDS = 0.495  # weight 0.98
OVER_SUBTRACTION = 1.1
GAIN_MIN = 0.125
POWER_OF_MEAN = 4 / np.pi  # power over the squared mean magnitude of Gaussian noise


class MagnitudeWiener:
    """Gain law: G = xi / (1.1 + xi), xi the decision-directed ratio of magnitudes."""

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
            ratio = np.sqrt(POWER_OF_MEAN * a_posteriori_snr(power[t, k], noise[t, k]))
            before = np.sqrt(POWER_OF_MEAN * a_posteriori_snr(clean[k], noise[t, k]))
            xi = smoothing * before + (1 - smoothing) * max(ratio - 1, 0.0)
            gains[t, k] = max(xi / (OVER_SUBTRACTION + xi), GAIN_MIN)
            clean[k] = gains[t, k] ** 2 * power[t, k]
    return gains


DENOISERS = (
    Suppressor(
        Spec(
            name="magnitude-wiener",
            summary="Wiener filter on magnitudes, noise by quantiles and speech probability.",
            paper="WebRTC",
        ),
        MagnitudeWiener,
        "quantile",
    ),
)
