"""Wind at the microphone: rumble that swells with the gusts, and speech that gives way to it."""

import numpy as np
from pydantic import Field

from percepkit.dsp.wind import gusty_wind
from percepkit.synth.degradations._dynamics import follow, pole
from percepkit.synth.degradations._interface import (
    Degradation,
    Degraded,
    Parameters,
    check_signal,
    energy_ratio_db,
    finite,
)

__all__ = ["DEGRADATION", "Wind", "apply"]


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
    course = parameters.model_dump(include={"corner_hz", "gust_db", "gust_hz"})
    wind = gusty_wind(len(x), sample_rate, key, **course)
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
