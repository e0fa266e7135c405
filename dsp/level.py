"""Levels of signals: plain RMS, and the active speech level of ITU-T P.56."""

import numba
import numpy as np
from scipy.signal import lfilter

__all__ = ["active_level_dbfs", "rms_dbfs"]

TIME_CONSTANT_SECONDS = 0.03
HANGOVER_SECONDS = 0.2
MARGIN_DB = 15.9
N_THRESHOLDS = 20  # powers of two down from the envelope's peak: 114 dB


def rms_dbfs(x: np.ndarray) -> float:
    """Root mean square in dB; a full-scale square wave has 0 dBFS, a full-scale sine -3.01.

    Parameters
    ----------
    x : float array, any shape
        Full scale is 1.

    Returns
    -------
    float
        dBFS; ``-inf`` for silence and for no samples, NaN where a sample is NaN.

    Examples
    --------
    >>> round(rms_dbfs(np.array([0.1, -0.1])), 6)
    -20.0
    """
    x = np.asarray(x)
    power = _energy(np.ascontiguousarray(x).reshape(-1)) / max(x.size, 1)
    return -np.inf if power == 0 else 10 * float(np.log10(power))


# The order of the sum is the compiler's, so that it can use vector instructions; it is the same in every run.
@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def _energy(x: np.ndarray) -> float:
    total = 0.0
    for i in range(len(x)):
        value = np.float64(x[i])
        total += value * value
    return total


def _envelope(x: np.ndarray, sample_rate: int) -> np.ndarray:
    """Rectified signal through two first-order smoothers (P.56, method B)."""
    g = np.exp(-1 / (sample_rate * TIME_CONSTANT_SECONDS))
    return lfilter([(1 - g) ** 2], [1, -2 * g, g * g], np.abs(x))


@numba.njit(cache=True)
def _active_counts(envelope: np.ndarray, thresholds: np.ndarray, hangover: int) -> np.ndarray:
    """Samples at which the envelope is, or within the hang-over was, at or above each threshold."""
    counts = np.zeros(len(thresholds), np.int64)
    left = np.zeros(len(thresholds), np.int64)
    for value in envelope:
        for j in range(len(thresholds)):
            if value >= thresholds[j]:
                left[j] = hangover
                counts[j] += 1
            elif left[j] > 0:
                left[j] -= 1
                counts[j] += 1
    return counts


def active_level_dbfs(x: np.ndarray, sample_rate: int) -> tuple[float, float]:
    """Active speech level and activity by ITU-T P.56, method B.

    Parameters
    ----------
    x : float array, shape (n,)
        Speech; full scale is 1.
    sample_rate : int
        Hz.

    Returns
    -------
    level_dbfs : float
        Mean power over the active time in dBFS; ``-inf`` for silence.
    activity : float
        Share of the time that is active, 0 to 1.

    Raises
    ------
    ValueError
        If ``x`` has not one dimension, or holds NaN or infinite samples.

    References
    ----------
    ITU-T Recommendation P.56 (12/2011), section 6.

    Examples
    --------
    >>> tone = 0.1 * np.sin(2 * np.pi * 440 * np.arange(48000) / 16000)
    >>> level, activity = active_level_dbfs(tone, 16000)
    >>> round(level, 1), round(activity, 1)
    (-23.0, 1.0)
    """
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 1:
        raise ValueError(f"expected one channel [n], got shape {x.shape}")
    energy = float(np.dot(x, x))
    if not np.isfinite(energy):
        raise ValueError("the signal holds NaN or infinite samples; leave this file out")
    if energy == 0:
        return -np.inf, 0.0
    envelope = _envelope(x, sample_rate)
    # Thresholds are tied to the signal's own peak, so that the result is exactly level invariant.
    thresholds = envelope.max() * 2.0 ** -np.arange(N_THRESHOLDS)[::-1]
    counts = _active_counts(envelope, thresholds, round(HANGOVER_SECONDS * sample_rate))
    active_db = 10 * np.log10(energy / counts)
    level = _interpolate(active_db, active_db - 20 * np.log10(thresholds))
    return level, min(1.0, energy / len(x) / 10 ** (level / 10))


def _interpolate(active_db: np.ndarray, excess_db: np.ndarray) -> float:
    """Active level where it exceeds the threshold by the margin, linear between thresholds in dB."""
    below = np.flatnonzero(excess_db < MARGIN_DB)
    if len(below) == 0 or below[0] == 0:
        return float(active_db[-1 if len(below) == 0 else 0])
    j = below[0]
    t = (excess_db[j - 1] - MARGIN_DB) / (excess_db[j - 1] - excess_db[j])
    return float(active_db[j - 1] + t * (active_db[j] - active_db[j - 1]))
