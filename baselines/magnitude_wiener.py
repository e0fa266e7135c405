"""Wiener gain on magnitudes, after WebRTC's suppressor at its third of four levels.

WebRTC also scales each frame as a whole by its speech probability, splits off the band above 8 kHz, and delays by
its own filter bank; this is its gain on the frames and bins that all suppressors share here.

References
----------
The WebRTC project, source of its audio processing module (`modules/audio_processing/ns`), whose constants belong
to a hop of 10 ms.
"""

from typing import ClassVar

import numba
import numpy as np

from percepkit.baselines.decision_directed import DecisionDirected, a_posteriori_snr
from percepkit.baselines.denoiser import Spec
from percepkit.baselines.suppression import Suppressor

__all__ = ["DENOISERS", "MagnitudeWiener"]

POWER_OF_MEAN = 4 / np.pi  # power over the squared mean magnitude of Gaussian noise


class MagnitudeWiener(DecisionDirected):
    """Gain law: G = xi / (1.1 + xi), xi the decision-directed ratio of magnitudes.

    Attributes
    ----------
    over_subtraction : float
        Times that the noise is taken for stronger than it is.
    """

    directed_seconds = 0.495  # weight 0.98
    gain_min = 0.125
    over_subtraction: ClassVar[float] = 1.1

    @classmethod
    def curve(cls, xi: np.ndarray, gamma: np.ndarray) -> np.ndarray:
        """Wiener's gain with over-subtraction, which needs xi alone."""
        return xi / (cls.over_subtraction + xi)

    def _snrs(self, power: np.ndarray, noise: np.ndarray) -> np.ndarray:
        return _ratios(power, noise, self._clean, self._smoothing)


@numba.njit(cache=True, nogil=True)
def _ratios(power: np.ndarray, noise: np.ndarray, clean: np.ndarray, smoothing: float) -> np.ndarray:
    """Xi and gamma of magnitudes, shape (2, bins)."""
    ratios = np.empty((2, len(power)))
    for k in range(len(power)):
        gamma = np.sqrt(POWER_OF_MEAN * a_posteriori_snr(power[k], noise[k]))
        before = np.sqrt(POWER_OF_MEAN * a_posteriori_snr(clean[k], noise[k]))
        ratios[0, k] = smoothing * before + (1 - smoothing) * max(gamma - 1, 0.0)
        ratios[1, k] = gamma
    return ratios


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
