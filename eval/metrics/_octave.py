"""Resampling as Octave does it, which STOI is defined with, phase by phase and compiled."""

from functools import cache
from math import gcd

import numba
import numpy as np

__all__ = ["resampled"]


@cache
def _antialias_filter(up: int, down: int) -> np.ndarray:
    """Kaiser filter of Octave's `resample`: 60 dB rejection, roll-off of a tenth of the cutoff."""
    cutoff = 1 / (2 * max(up, down))
    half = np.ceil((60 - 8) / (28.714 * cutoff / 10))
    t = np.arange(-half, half + 1)
    taps = np.kaiser(len(t), 0.1102 * (60 - 8.7)) * np.sinc(2 * cutoff * t)
    return taps / taps.sum()


def resampled(x: np.ndarray, sample_rate: int, new_rate: int) -> np.ndarray:
    """Resample a signal; the same as Octave's `resample`, but for rounding.

    Parameters
    ----------
    x : float64 array, shape (n_samples,)
    sample_rate, new_rate : int
        Hz.

    Returns
    -------
    float64 array, shape (n_resampled,)
        ``x`` itself where the rates are equal.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 1_000 * np.arange(16_000) / 16_000)
    >>> expected = np.sin(2 * np.pi * 1_000 * np.arange(10_000) / 10_000)
    >>> bool(np.abs(resampled(tone, 16_000, 10_000) - expected)[100:-100].max() < 2e-3)
    True
    """
    if sample_rate == new_rate:
        return x
    divisor = gcd(new_rate, sample_rate)
    up, down = new_rate // divisor, sample_rate // divisor
    phases, half = _phases(up, down)
    n_taps = phases.shape[1]
    n_resampled = -(-len(x) * up // down)
    padded = np.zeros(n_taps - 1 + max(len(x), ((n_resampled - 1) * down + half) // up + 1))
    padded[n_taps - 1 : n_taps - 1 + len(x)] = x
    return _resample(padded, phases, down, half, n_resampled)


@cache
def _phases(up: int, down: int) -> tuple[np.ndarray, int]:
    """Taps that meet a sample at each phase of the output, last one first, [up, n_taps], and half the filter."""
    taps = up * _antialias_filter(up, down)
    n_taps = -(-len(taps) // up)
    padded = np.pad(taps, (0, n_taps * up - len(taps)))
    return np.ascontiguousarray(padded.reshape(n_taps, up).T[:, ::-1]), len(taps) // 2


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def _resample(padded: np.ndarray, phases: np.ndarray, down: int, half: int, n_resampled: int) -> np.ndarray:
    up, n_taps = phases.shape
    y = np.empty(n_resampled)
    for n in range(n_resampled):
        first, phase = divmod(n * down + half, up)
        x, taps = padded[first : first + n_taps], phases[phase]
        total = 0.0
        for tap in range(n_taps):
            total += taps[tap] * x[tap]
        y[n] = total
    return y
