"""Pitch of clean speech: normalised autocorrelation at about 12 kHz and a Viterbi path through the lags.

References
----------
P. Boersma, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a
sampled sound", IFA Proceedings 17, 1993 (autocorrelation over that of the window, octave cost).
P. Felzenszwalb and D. Huttenlocher, "Distance transforms of sampled functions", 2012 (the two-pass minimum).
"""

from functools import lru_cache

import numba
import numpy as np
import scipy.fft
from scipy.signal import firwin, upfirdn

from percepkit.dsp.stft import hop_length, n_frames

__all__ = ["MAX_F0_HZ", "MIN_F0_HZ", "track_pitch"]

MIN_F0_HZ = 62.5
MAX_F0_HZ = 500.0
WINDOW_SECONDS = 0.040
VOICING_THRESHOLD = 0.5  # autocorrelation below which a frame is better called unvoiced
OCTAVE_COST = 0.02  # per octave of lag: prefers the shorter of two periods that fit alike
JUMP_COST = 0.5  # per octave of lag between neighbouring frames
VOICING_COST = 0.15  # of a change between voiced and unvoiced
SILENCE_DB = -50.0  # frames so far below the loudest are unvoiced


def track_pitch(clean: np.ndarray, sample_rate: int) -> np.ndarray:
    """Pitch period of every 10 ms frame of `percepkit.dsp.stft.analyse`.

    Parameters
    ----------
    clean : float array, shape (n_samples,)
        Clean speech.
    sample_rate : int
        In Hz, at least 8000.

    Returns
    -------
    float64 array, shape (frames,)
        Period in samples at ``sample_rate``, with fractions; 0 where the frame is unvoiced.

    Examples
    --------
    >>> t = np.arange(16_000) / 16_000
    >>> voice = sum(np.sin(2 * np.pi * 125.0 * k * t) / k for k in range(1, 20))
    >>> period = track_pitch(voice, 16_000)
    >>> bool(abs(np.median(period) - 128.0) < 0.05)
    True
    """
    if sample_rate < 8000:
        raise ValueError(f"pitch tracking needs at least 8000 Hz, found {sample_rate}; resample the signal first")
    factor = max(1, sample_rate // 11_000)
    slow = _decimate(clean, factor)
    rate = sample_rate / factor
    shortest, longest = int(rate / MAX_F0_HZ), int(np.ceil(rate / MIN_F0_HZ))
    centres = np.arange(n_frames(len(clean), sample_rate)) * (hop_length(sample_rate) / factor)
    correlation, energy = _autocorrelation(slow, np.rint(centres).astype(np.int64), rate, longest)
    floor = energy.max(initial=0.0) * 10 ** (SILENCE_DB / 10)
    correlation[energy <= floor] = 0.0
    lags = np.arange(shortest, longest + 1)
    path = _best_path(correlation[:, shortest : longest + 1].astype(np.float32), np.log2(lags / shortest))
    return _refine(correlation, path, shortest) * factor


@lru_cache(maxsize=8)
def _lowpass(factor: int) -> np.ndarray:
    return firwin(16 * factor + 1, 0.9 / factor)


def _decimate(x: np.ndarray, factor: int) -> np.ndarray:
    if factor == 1:
        return x.astype(np.float32, copy=False)
    taps = _lowpass(factor).astype(np.float32)
    return upfirdn(taps, x.astype(np.float32, copy=False), down=factor)[8:][: -(-len(x) // factor)]


def _autocorrelation(
    x: np.ndarray, centres: np.ndarray, rate: float, longest: int
) -> tuple[np.ndarray, np.ndarray]:
    """Autocorrelation coefficients of windowed segments, lags 0 to ``longest`` + 1, and the segments' energies."""
    half = int(WINDOW_SECONDS * rate / 2)
    window = np.hanning(2 * half + 1)[:-1].astype(np.float32)
    n_fft = scipy.fft.next_fast_len(2 * half + longest + 2, real=True)
    padded = np.concatenate([np.zeros(half, np.float32), x, np.zeros(2 * half + int(rate / 50), np.float32)])
    segments = np.lib.stride_tricks.sliding_window_view(padded, 2 * half)[centres]
    segments = (segments - segments.mean(axis=1, keepdims=True)) * window
    power = np.abs(scipy.fft.rfft(segments, n_fft, axis=1)) ** 2
    lagged = scipy.fft.irfft(power, n_fft, axis=1)[:, : longest + 2]
    shape = scipy.fft.irfft(np.abs(scipy.fft.rfft(window, n_fft)) ** 2, n_fft)[: longest + 2]
    energy = lagged[:, 0].copy()
    lagged /= np.maximum(energy, np.finfo(np.float32).tiny)[:, None] * (shape / shape[0])
    return lagged, energy


@numba.njit(cache=True, nogil=True)
def _best_path(correlation: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Cheapest path of lag indices, -1 for unvoiced frames; costs as at the top of the module."""
    n, m = correlation.shape
    voiced_from = np.empty((n, m), np.int32)  # lag index before a voiced frame, -1 for unvoiced
    unvoiced_from = np.empty(n, np.int32)
    cost, best = np.zeros(m, np.float32), np.zeros(m, np.float32)
    unvoiced = np.float32(0.0)
    for frame in range(n):
        origin = voiced_from[frame]
        for i in range(m):  # forward pass of the distance transform over log lag
            best[i], origin[i] = cost[i], i
            if i > 0:
                other = best[i - 1] + JUMP_COST * (position[i] - position[i - 1])
                if other < best[i]:
                    best[i], origin[i] = other, origin[i - 1]
        for i in range(m - 2, -1, -1):
            other = best[i + 1] + JUMP_COST * (position[i + 1] - position[i])
            if other < best[i]:
                best[i], origin[i] = other, origin[i + 1]
        cheapest = np.argmin(cost)
        unvoiced_from[frame] = -1
        stay = unvoiced
        if cost[cheapest] + VOICING_COST < stay:
            stay, unvoiced_from[frame] = cost[cheapest] + VOICING_COST, cheapest
        for i in range(m):
            if unvoiced + VOICING_COST < best[i]:
                best[i], origin[i] = unvoiced + VOICING_COST, -1
            cost[i] = best[i] + OCTAVE_COST * position[i] + 1.0 - correlation[frame, i]
        unvoiced = stay + np.float32(1.0 - VOICING_THRESHOLD)
    path = np.empty(n, np.int64)
    last = np.argmin(cost)
    state = -1 if unvoiced <= cost[last] else last
    for frame in range(n - 1, -1, -1):
        path[frame] = state
        state = unvoiced_from[frame] if state < 0 else voiced_from[frame, state]
    return path


def _refine(correlation: np.ndarray, path: np.ndarray, shortest: int) -> np.ndarray:
    """Move each voiced lag to the nearest peak's vertex (parabola through three points); 0 for unvoiced."""
    frames = np.flatnonzero(path >= 0)
    lag = path[frames] + shortest
    left, mid, right = (correlation[frames, lag + shift] for shift in (-1, 0, 1))
    curvature = left - 2 * mid + right
    shift = np.where(curvature < 0, 0.5 * (left - right) / np.where(curvature < 0, curvature, 1.0), 0.0)
    period = np.zeros(len(path))
    period[frames] = lag + np.clip(shift, -0.5, 0.5)
    return period
