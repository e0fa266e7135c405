"""Wind at the microphone: rumble that swells with the gusts, and speech that gives way to it."""

from collections.abc import Callable

import numpy as np
from pydantic import Field
from scipy.interpolate import CubicSpline

from percepkit.dsp.coloured import LOWEST_HZ, check_request, shaped_noise, unit_rms
from percepkit.dsp.draws import key_of, normal, words
from percepkit.synth.degradations._dynamics import follow, pole
from percepkit.synth.degradations._interface import (
    Degradation,
    Degraded,
    Parameters,
    check_signal,
    energy_ratio_db,
    finite,
)

__all__ = ["DEGRADATION", "Wind", "apply", "wind_noise"]

GUST_WIDENING = 4.0  # corner of what a gust adds over that of the steady flow
GUST_SHARE = 0.25  # its RMS over that of the steady flow at the course's 0 dB


class Wind(Parameters):
    """Strength and gusts of the wind, and compression of the speech by the wind's envelope."""

    snr_db: float = Field(0.0, ge=-40, le=60, description="energy of the speech, as compressed, over the wind's")
    corner_hz: float = Field(
        250.0, ge=50, le=2_000, description="where the steady spectrum begins to fall steeply"
    )
    gust_db: float = Field(6.0, ge=0, le=15, description="standard deviation of the level's course")
    gust_hz: float = Field(0.7, ge=0.1, le=5, description="highest frequency of the level's course")
    duck_ratio: float = Field(
        1.0, ge=1, le=20, description="compression ratio where the wind exceeds the threshold; 1 is off"
    )
    duck_threshold: float = Field(0.2, ge=0.01, le=1, description="over the peak of the wind's envelope")
    attack_seconds: float = Field(0.02, ge=0.001, le=1, description="time constant of the rising envelope")
    release_seconds: float = Field(0.05, ge=0.001, le=1, description="time constant of the falling envelope")


def wind_noise(n_samples: int, sample_rate: int, key: int, parameters: Wind) -> np.ndarray:
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
    parameters : Wind

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
        shaped_noise(n_samples, sample_rate, key_of(str(key), name), _spectrum(corner_hz))
        for name, corner_hz in (
            ("steady", parameters.corner_hz),
            ("gusty", GUST_WIDENING * parameters.corner_hz),
        )
    )
    level = 10 ** (parameters.gust_db * _course(n_samples, sample_rate, key, parameters.gust_hz) / 20)
    return unit_rms(level * (steady + GUST_SHARE * level * gusty))


def _spectrum(corner_hz: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda hz: np.maximum(hz, LOWEST_HZ) ** -0.5 / (1 + (hz / corner_hz) ** 2)


def _course(n_samples: int, sample_rate: int, key: int, highest_hz: float) -> np.ndarray:
    """Smooth course through standard normal draws, two in a period of the highest frequency."""
    position = np.arange(n_samples) * (2 * highest_hz / sample_rate)
    draws = normal(words(key_of(str(key), "gusts"), 0, int(position[-1]) + 4)[:, 0])
    return CubicSpline(np.arange(len(draws)), draws)(position)


def _ducking(wind: np.ndarray, sample_rate: int, parameters: Wind) -> np.ndarray:
    """Gain of the speech under a compressor whose side chain hears the wind."""
    attack, release = (pole(s, sample_rate) for s in (parameters.attack_seconds, parameters.release_seconds))
    envelope = follow(np.abs(wind), attack, release, 0.0)
    over = np.maximum(envelope / (parameters.duck_threshold * envelope.max()), 1.0)
    return over ** (1 / parameters.duck_ratio - 1)


def apply(x: np.ndarray, sample_rate: int, parameters: Wind, key: int) -> Degraded:
    """Add wind at an SNR, compressing the speech where the wind blows.

    Without compression the signal keeps its level exactly; nothing is clipped (list `clipping` after this
    stage for a microphone that overloads). The compressor's threshold is relative to the wind's own peak, so
    that the input's level does not matter.

    Returns
    -------
    Degraded
        Measured: ``snr_db`` of the compressed signal against the wind, and ``smallest_duck_gain_db`` (at most 0).

    References
    ----------
    K. Saijo et al., "Interspeech 2025 URGENT speech enhancement challenge", Interspeech 2025 (the side chain).

    Examples
    --------
    >>> x = np.sin(np.arange(16_000) / 9).astype(np.float32)
    >>> round(apply(x, 16_000, Wind(snr_db=3), 7).measured["snr_db"], 3)
    3.0
    """
    check_signal(x, sample_rate)
    if not x.any():
        return Degraded(x.copy())
    wind = wind_noise(len(x), sample_rate, key, parameters)
    gain = _ducking(wind, sample_rate, parameters)
    ducked = gain * x
    wind *= 10 ** ((energy_ratio_db(ducked, wind) - parameters.snr_db) / 20)
    y = (ducked + wind).astype(np.float32)
    measured = finite(
        snr_db=energy_ratio_db(ducked, y - ducked), smallest_duck_gain_db=20 * np.log10(float(gain.min()))
    )
    return Degraded(y, measured)


DEGRADATION = Degradation(
    name="wind",
    summary="gusting wind noise at an SNR, with compression of the speech by the wind",
    source="Nelke and Vary, IWAENC 2014 (wind); URGENT 2025 challenge (side chain)",
    parameters=Wind,
    linear=False,
    apply=apply,
    examples=({"snr_db": 5}, {"snr_db": 10, "duck_ratio": 8, "duck_threshold": 0.2}),
)
