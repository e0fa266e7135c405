"""Automatic gain control, as recorders and telephones apply it."""

import math

import numpy as np
from pydantic import Field

from percepkit.synth.degradations._dynamics import follow, pole
from percepkit.synth.degradations._interface import Degradation, Degraded, Parameters, check_signal

__all__ = ["DEGRADATION", "AutomaticGain", "apply", "gain_course_db"]

DETECTOR_SECONDS = 0.01
LOWEST_POWER = 1e-20  # -200 dBFS; silence has no logarithm


class AutomaticGain(Parameters):
    """Behaviour of the control."""

    target_dbfs: float = Field(-23.0, ge=-60, le=0, description="RMS that the output is driven to")
    attack_seconds: float = Field(0.05, ge=0.001, le=5, description="time constant of falling gain")
    release_seconds: float = Field(0.5, ge=0.001, le=20, description="time constant of rising gain")
    max_gain_db: float = Field(20.0, ge=0, le=60, description="largest gain; the reduction has no limit")


def gain_course_db(x: np.ndarray, sample_rate: int, parameters: AutomaticGain) -> np.ndarray:
    """Gain at every sample, from this and earlier samples only.

    The power is smoothed over 10 ms; the gain that would bring it to the target, at most ``max_gain_db``, is
    followed in dB with attack and release. The gain starts at 0 dB.

    Parameters
    ----------
    x : float array, shape (n_samples,)
    sample_rate : int
        Hz.
    parameters : AutomaticGain

    Returns
    -------
    float64 array, shape (n_samples,)

    References
    ----------
    D. Giannoulis, M. Massberg, J. D. Reiss, "Digital dynamic range compressor design", JAES 60(6), 2012.
    """
    detector = pole(DETECTOR_SECONDS, sample_rate)
    power = follow(np.square(x, dtype=np.float64), detector, detector, 0.0)
    wanted_db = parameters.target_dbfs - 10 * np.log10(np.maximum(power, LOWEST_POWER))
    wanted_db = np.minimum(wanted_db, parameters.max_gain_db)
    rise = pole(parameters.release_seconds, sample_rate)
    fall = pole(parameters.attack_seconds, sample_rate)
    return follow(wanted_db, rise, fall, 0.0)


def apply(x: np.ndarray, sample_rate: int, parameters: AutomaticGain, key: int) -> Degraded:
    """Multiply by the course of the gain; ``measured`` holds its smallest and largest value.

    Examples
    --------
    >>> quiet = np.full(16_000, 0.01, np.float32)  # -40 dBFS
    >>> control = AutomaticGain(target_dbfs=-30, release_seconds=0.05)
    >>> round(apply(quiet, 16_000, control, 0).measured["largest_gain_db"], 2)
    10.0
    """
    check_signal(x, sample_rate)
    if len(x) == 0:
        return Degraded(x.copy())
    gain_db = gain_course_db(x, sample_rate, parameters)
    measured = {"smallest_gain_db": float(gain_db.min()), "largest_gain_db": float(gain_db.max())}
    return Degraded((x * np.exp(gain_db * (math.log(10) / 20))).astype(np.float32), measured)


DEGRADATION = Degradation(
    name="automatic_gain",
    summary="feed-forward automatic gain control, causal, without look-ahead",
    source="Giannoulis, Massberg and Reiss, JAES 60(6), 2012 (smoothing)",
    parameters=AutomaticGain,
    linear=False,
    apply=apply,
    examples=({}, {"target_dbfs": -30, "attack_seconds": 0.005, "release_seconds": 0.1, "max_gain_db": 6}),
)
