"""Wind at a microphone: rumble that swells with the gusts."""

from collections.abc import Callable

import numpy as np
from scipy.interpolate import CubicSpline

from percepkit.dsp.coloured import LOWEST_HZ, check_request, shaped_noise, unit_rms
from percepkit.dsp.draws import key_of, normal, words

__all__ = ["gusty_wind"]

GUST_WIDENING = 4.0  # corner of what a gust adds over that of the steady flow
GUST_SHARE = 0.25  # its RMS over that of the steady flow at the course's 0 dB


def gusty_wind(
    n_samples: int, sample_rate: int, key: int, *, corner_hz: float, gust_db: float, gust_hz: float
) -> np.ndarray:
    """Generate wind noise.

    The power falls by 3 dB an octave up to the corner and by 15 dB an octave above it. Its level follows a
    smooth Gaussian course in dB. As pressure grows with the square of the flow's speed and the corner with
    the speed, a gust also carries higher frequencies: they rise twice as much, in dB, as the rest.

    Parameters
    ----------
    n_samples, sample_rate : int
        Length, at least 1, and rate, 8 to 96 kHz.
    key : int
        128-bit key, see `percepkit.dsp.draws.key_of`.
    corner_hz : float
        Where the steady spectrum begins to fall steeply.
    gust_db : float
        Standard deviation of the level's course.
    gust_hz : float
        Highest frequency of the level's course.

    Returns
    -------
    float64 array, shape (n_samples,)
        Noise of RMS 1.

    References
    ----------
    C. M. Nelke, P. Vary, "Measurement, analysis and simulation of wind noise signals for mobile communication
    devices", IWAENC 2014.
    D. Mirabilii et al., "Simulating wind noise with airflow speed-dependent characteristics", IWAENC 2022.
    """
    check_request(n_samples, sample_rate)
    steady, gusty = (
        shaped_noise(n_samples, sample_rate, key_of(str(key), name), _spectrum(corner))
        for name, corner in (("steady", corner_hz), ("gusty", GUST_WIDENING * corner_hz))
    )
    level = 10 ** (gust_db * _course(n_samples, sample_rate, key, gust_hz) / 20)
    wind = level * (steady + GUST_SHARE * level * gusty)
    if n_samples > 1:
        wind -= wind.mean()  # the course moves some of the rumble to 0 Hz
    return unit_rms(wind)


def _spectrum(corner_hz: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda hz: np.maximum(hz, LOWEST_HZ) ** -0.5 / (1 + (hz / corner_hz) ** 2)


def _course(n_samples: int, sample_rate: int, key: int, highest_hz: float) -> np.ndarray:
    """Smooth course through standard normal draws, two in a period of the highest frequency."""
    position = np.arange(n_samples) * (2 * highest_hz / sample_rate)
    draws = normal(words(key_of(str(key), "gusts"), 0, int(position[-1]) + 4)[:, 0])
    return CubicSpline(np.arange(len(draws)), draws)(position)
