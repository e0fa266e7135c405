"""Wiener filter with the decision-directed estimate of the a-priori SNR.

References
----------
P. Scalart and J. V. Filho, "Speech enhancement based on a priori signal to noise estimation", ICASSP 1996.
Y. Ephraim and D. Malah, "Speech enhancement using a minimum mean-square error short-time spectral amplitude
estimator", IEEE Trans. Acoust., Speech, Signal Process. 32(6), 1984: the decision-directed estimate, eq. 51.
"""

import numpy as np

from percepkit.baselines._noise_spp import SppTracker
from percepkit.baselines.denoiser import Spec
from percepkit.baselines.spectral import SpectralDenoiser

__all__ = ["DENOISERS", "DecisionDirectedWiener"]

# Per hop of 10 ms. The usual 0.98 follows the onsets of speech late: 0.02 STOI and 1 dB SI-SDR lost at 5 dB.
SMOOTHING = 0.95
XI_MIN = 0.1 / 0.9  # -9.5 dB: the gain never falls below 0.1 (-20 dB), so that what is left stays even


class DecisionDirectedWiener:
    """Gain rule: G = xi / (1 + xi); xi looks back at what the last frame's gain let through."""

    def __init__(self, n_bins: int) -> None:
        self._tracker = SppTracker(n_bins)
        self._last_clean_power = np.zeros(n_bins)

    def gains(self, power: np.ndarray) -> np.ndarray:
        """Gains in [0, 1] of the next frames from their power, both of shape (frames, bins)."""
        gains = np.empty_like(power)
        for index, frame in enumerate(power):
            noise = np.maximum(self._tracker.update(frame), np.finfo(float).tiny)
            xi = SMOOTHING * self._last_clean_power + (1 - SMOOTHING) * np.maximum(frame - noise, 0)
            xi = np.maximum(xi / noise, XI_MIN)
            gains[index] = xi / (1 + xi)
            self._last_clean_power = gains[index] ** 2 * frame
        return gains


DENOISERS = (
    SpectralDenoiser(
        Spec(
            name="wiener",
            summary="Wiener filter with decision-directed a-priori SNR.",
            paper="Scalart, Filho 1996; noise: Gerkmann, Hendriks 2012",
            causal=True,
            invariances=frozenset({"level"}),
        ),
        DecisionDirectedWiener,
    ),
)
