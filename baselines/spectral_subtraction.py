"""Spectral subtraction: of magnitudes, of powers, and with an over-subtraction that depends on the SNR.

References
----------
S. F. Boll, "Suppression of acoustic noise in speech using spectral subtraction", IEEE Trans. Acoust., Speech,
Signal Process. 27(2), 1979.
M. Berouti, R. Schwartz and J. Makhoul, "Enhancement of speech corrupted by acoustic noise", ICASSP 1979.
P. C. Loizou, "Speech Enhancement: Theory and Practice", 2nd ed., CRC Press 2013, section 5.
"""

import numpy as np

from percepkit.baselines.decision_directed import NOISE_MIN
from percepkit.baselines.denoiser import Spec
from percepkit.baselines.grid import Grid
from percepkit.baselines.suppression import Suppressor

__all__ = ["DENOISERS", "MagnitudeSubtraction", "PowerSubtraction", "SpectralSubtraction", "over_subtraction"]

FLOOR = 0.01  # of the noise power, -20 dB
MAGNITUDE_OF_POWER = np.sqrt(np.pi / 4)  # mean magnitude of Gaussian noise over the root of its power


def over_subtraction(snr_db: np.ndarray) -> np.ndarray:
    """Factor on the noise power: 4.75 at -5 dB and below, down by 0.15 a dB to 1 at 20 dB and above.

    Examples
    --------
    >>> over_subtraction(np.array([-10.0, 0.0, 20.0]))
    array([4.75, 4.  , 1.  ])
    """
    return 4 - 3 / 20 * np.clip(snr_db, -5, 20)


class SpectralSubtraction:
    """Gain law: |S|^2 = |Y|^2 - alpha N, at least `FLOOR` N; alpha from the SNR of the whole frame."""

    def __init__(self, grid: Grid) -> None:
        pass

    def gains(self, power: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Gains in [0, 1] of the next frames; see `percepkit.baselines.suppression.GainLaw`."""
        snr = power.sum(axis=1, keepdims=True) / np.maximum(noise.sum(axis=1, keepdims=True), NOISE_MIN)
        alpha = over_subtraction(10 * np.log10(np.maximum(snr, NOISE_MIN)))
        return _gain_to(np.maximum(power - alpha * noise, FLOOR * noise), power)


class PowerSubtraction:
    """Gain law: |S|^2 = |Y|^2 - N, at least `FLOOR` N."""

    def __init__(self, grid: Grid) -> None:
        pass

    def gains(self, power: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Gains in [0, 1] of the next frames; see `percepkit.baselines.suppression.GainLaw`."""
        return _gain_to(np.maximum(power - noise, FLOOR * noise), power)


class MagnitudeSubtraction:
    """Gain law: |S| = |Y| less the mean magnitude of the noise, at least sqrt(`FLOOR` N)."""

    def __init__(self, grid: Grid) -> None:
        pass

    def gains(self, power: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Gains in [0, 1] of the next frames; see `percepkit.baselines.suppression.GainLaw`."""
        left = np.maximum(np.sqrt(power) - MAGNITUDE_OF_POWER * np.sqrt(noise), 0)
        return _gain_to(np.maximum(left**2, FLOOR * noise), power)


def _gain_to(wanted: np.ndarray, power: np.ndarray) -> np.ndarray:
    return np.sqrt(np.minimum(wanted / np.maximum(power, NOISE_MIN), 1))


DENOISERS = (
    Suppressor(
        Spec(
            name="spectral-subtraction",
            summary="Power subtraction with SNR-dependent over-subtraction and a spectral floor.",
            paper="Berouti, Schwartz, Makhoul 1979",
        ),
        SpectralSubtraction,
        "spp",
    ),
    Suppressor(
        Spec(name="magnitude-subtraction", summary="Subtraction of the mean noise magnitude.", paper="Boll 1979"),
        MagnitudeSubtraction,
        "leading",
    ),
    Suppressor(
        Spec(name="power-subtraction", summary="Subtraction of the noise power.", paper="Boll 1979"),
        PowerSubtraction,
        "minimum",
    ),
)
