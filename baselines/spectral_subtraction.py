"""Power spectral subtraction with an over-subtraction factor that depends on the SNR.

References
----------
M. Berouti, R. Schwartz and J. Makhoul, "Enhancement of speech corrupted by acoustic noise", ICASSP 1979.
P. C. Loizou, "Speech Enhancement: Theory and Practice", 2nd ed., CRC Press 2013, section 5.
"""

import numpy as np

from percepkit.baselines._noise_spp import SppTracker
from percepkit.baselines.denoiser import Spec
from percepkit.baselines.spectral import SpectralDenoiser

__all__ = ["DENOISERS", "SpectralSubtraction", "over_subtraction"]

FLOOR = 0.01  # of the noise power, -20 dB


def over_subtraction(snr_db: np.ndarray) -> np.ndarray:
    """Factor on the noise power: 4.75 at -5 dB and below, down by 0.15 a dB to 1 at 20 dB and above.

    Examples
    --------
    >>> over_subtraction(np.array([-10.0, 0.0, 20.0]))
    array([4.75, 4.  , 1.  ])
    """
    return 4 - 3 / 20 * np.clip(snr_db, -5, 20)


class SpectralSubtraction:
    """Gain rule: |S|^2 = |Y|^2 - alpha N, at least `FLOOR` N; alpha from the SNR of the whole frame."""

    def __init__(self, n_bins: int) -> None:
        self._tracker = SppTracker(n_bins)

    def gains(self, power: np.ndarray) -> np.ndarray:
        """Gains in [0, 1] of the next frames from their power, both of shape (frames, bins)."""
        noise = np.array([self._tracker.update(frame) for frame in power]).reshape(power.shape)
        tiny = np.finfo(float).tiny
        snr = power.sum(axis=1, keepdims=True) / np.maximum(noise.sum(axis=1, keepdims=True), tiny)
        alpha = over_subtraction(10 * np.log10(np.maximum(snr, tiny)))
        wanted = np.maximum(power - alpha * noise, FLOOR * noise)
        return np.sqrt(np.minimum(wanted / np.maximum(power, tiny), 1))


DENOISERS = (
    SpectralDenoiser(
        Spec(
            name="spectral-subtraction",
            summary="Power subtraction with SNR-dependent over-subtraction and a spectral floor.",
            paper="Berouti, Schwartz, Makhoul 1979; noise: Gerkmann, Hendriks 2012",
            causal=True,
            invariances=frozenset({"level"}),
        ),
        SpectralSubtraction,
    ),
)
