"""Pitch of clean speech: normalised autocorrelation at about 8 kHz and a Viterbi path through the lags.

References
----------
P. Boersma, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a
sampled sound", IFA Proceedings 17, 1993 (autocorrelation over that of the window, octave and transition costs).
P. Felzenszwalb and D. Huttenlocher, "Distance transforms of sampled functions", 2012 (the two-pass minimum).
"""

from functools import lru_cache

import numba
import numpy as np
import scipy.fft
from scipy.signal import firwin

from percepkit.dsp.stft import hop_length, n_frames

__all__ = ["MAX_F0_HZ", "MIN_F0_HZ", "track_pitch"]

MIN_F0_HZ = 62.5
MAX_F0_HZ = 500.0
RATE_HZ = 8000  # slowest rate that the signal is decimated to
WINDOW_SECONDS = 0.040
MIDDLE_SECONDS = 0.016  # of the window: one period of the lowest voice
FADED = 0.35  # power in the middle, over that in the window, below which the voice is only beside the frame
HIGH_PASS_HZ = 150.0  # flattens rumble and the spectrum of speech
FULL_HZ, CUT_HZ = 1000.0, 3000.0  # weight of the spectrum falls from one to zero: few lags then describe a peak
VOICING_THRESHOLD = 0.45  # correlation below which a frame is better called unvoiced, at the shortest lag
OCTAVE_COST = 0.05  # per octave of lag: prefers the shorter of two periods that fit alike
JUMP_COST = 0.5  # per octave of lag between frames 10 ms apart
VOICING_COST = 0.15  # of a change between voiced and unvoiced in 10 ms
SILENCE_DB = -40.0  # frames so far below the loudest are unvoiced

TAPS_PER_PHASE = 11  # of the decimating filter: 60 dB from 0.7 of the new rate
REACH = 8  # lags to each side that interpolate the one in between
BLOCK_SAMPLES, BLOCK_FRAMES = 512, 128  # what stays in the cache; no result depends on them
_TINY = np.finfo(np.float32).tiny


def track_pitch(clean: np.ndarray, sample_rate: int, *, hop: int | None = None) -> np.ndarray:
    """Pitch period at the centre of every frame of `percepkit.dsp.stft.analyse`.

    Parameters
    ----------
    clean : float array, shape (n_samples,)
        Clean speech.
    sample_rate : int
        In Hz, at least 8000.
    hop : int, optional
        Samples between frames; by default `percepkit.dsp.stft.hop_length` of the sample rate.

    Returns
    -------
    float64 array, shape (frames,)
        Period in samples at ``sample_rate``, with fractions; 0 where the frame is unvoiced.

    Examples
    --------
    >>> t = np.arange(16_000) / 16_000
    >>> voice = sum(np.sin(2 * np.pi * 125.0 * k * t) / k for k in range(1, 20))
    >>> period = track_pitch(voice, 16_000)
    >>> bool(abs(np.median(period) - 128.0) < 0.02)
    True
    """
    if sample_rate < RATE_HZ:
        raise ValueError(
            f"pitch tracking needs at least {RATE_HZ} Hz, found {sample_rate}; resample the signal first"
        )
    if clean.ndim != 1:
        raise ValueError(f"expected one channel, shape (n_samples,), found shape {clean.shape}; track each alone")
    hop = hop_length(sample_rate) if hop is None else hop
    factor = sample_rate // RATE_HZ
    rate = sample_rate / factor
    slow = _high_pass(_decimate(clean, factor), np.float32(np.exp(-2 * np.pi * HIGH_PASS_HZ / rate)))
    centres = np.rint(np.arange(n_frames(len(clean), hop)) * (hop / factor)).astype(np.int64)
    shortest, longest = int(rate / MAX_F0_HZ), int(np.ceil(rate / MIN_F0_HZ))
    correlation, sounding = _autocorrelation(slow, centres, rate, longest)
    correlation[~sounding] = 0.0
    octaves = np.log2(np.arange(shortest, longest + 1) / shortest).astype(np.float32)
    pace = 0.01 * sample_rate / hop  # a path of the same shape costs the same at any hop
    path = _best_path(_raise_peaks(correlation, shortest, longest), octaves, JUMP_COST * pace, VOICING_COST * pace)
    return _refine(correlation, np.where(path < 0, 0, path + shortest)) * factor


@lru_cache(maxsize=8)
def _lowpass(factor: int) -> np.ndarray:
    """Taps of the decimating filter by phase, shape (TAPS_PER_PHASE, factor); the last one fills up with zeros."""
    taps = np.zeros((TAPS_PER_PHASE, factor), np.float32)
    n = (TAPS_PER_PHASE - 1) * factor + 1
    taps.reshape(-1)[:n] = firwin(n, 1 / factor, window=("kaiser", 5.65))
    return taps


def _decimate(x: np.ndarray, factor: int) -> np.ndarray:
    """Every ``factor``-th sample of the low-passed signal, without delay; float32."""
    if factor == 1:
        return x.astype(np.float32, copy=False)
    padded = np.zeros((-(-len(x) // factor) + TAPS_PER_PHASE, factor), np.float32)
    start = TAPS_PER_PHASE // 2 * factor
    padded.reshape(-1)[start : start + len(x)] = x
    return _filter_phases(padded, _lowpass(factor))


@numba.njit(cache=True, nogil=True)
def _filter_phases(x: np.ndarray, taps: np.ndarray) -> np.ndarray:
    """Sum over phases p of x[:, p] filtered with taps[:, p]; the inner loops run over neighbouring outputs."""
    reach, factor = taps.shape
    y = np.zeros(len(x) - reach, np.float32)
    column = np.empty(BLOCK_SAMPLES + reach, np.float32)
    for start in range(0, len(y), BLOCK_SAMPLES):
        out = y[start : start + BLOCK_SAMPLES]
        for p in range(factor):
            for i in range(len(out) + reach):
                column[i] = x[start + i, p]
            for j in range(reach):
                tap = taps[j, p]
                for i in range(len(out)):
                    out[i] += tap * column[i + j]
    return y


@numba.njit(cache=True, nogil=True)
def _high_pass(x: np.ndarray, pole: np.float32) -> np.ndarray:
    """One zero at 0 Hz and one pole; a constant signal gives exact silence."""
    y = np.empty(len(x), np.float32)
    state = np.float32(0.0)
    for i in range(len(x)):
        state = pole * state + (x[i] - x[max(i - 1, 0)])
        y[i] = state
    return y


@lru_cache(maxsize=8)
def _tables(rate: float, longest: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Window, weight of each frequency, and what undoes the window's own autocorrelation at each lag."""
    half = int(WINDOW_SECONDS * rate / 2)
    window = np.hanning(2 * half + 1)[:-1]
    n_fft = 2 * scipy.fft.next_fast_len(half + longest // 2 + REACH + 1, real=True)
    frequency = np.arange(n_fft // 2 + 1) * rate / n_fft
    weight = np.sin(np.pi / 2 * np.clip((CUT_HZ - frequency) / (CUT_HZ - FULL_HZ), 0, 1)) ** 2
    shape = scipy.fft.dct(np.abs(scipy.fft.rfft(window, n_fft)) ** 2, type=1)[: longest + REACH + 2]
    return window.astype(np.float32), weight.astype(np.float32), (shape[0] / shape).astype(np.float32)


def _autocorrelation(
    x: np.ndarray, centres: np.ndarray, rate: float, longest: int
) -> tuple[np.ndarray, np.ndarray]:
    """Autocorrelation coefficients of windowed segments from lag 0, and which segments are not silent or faded."""
    window, weight, unshape = _tables(rate, longest)
    half, middle = len(window) // 2, int(MIDDLE_SECONDS * rate / 2)
    padded = np.zeros(max(len(x), centres[-1]) + 2 * half, np.float32)
    padded[half : half + len(x)] = x
    correlation = np.empty((len(centres), len(unshape)), np.float32)
    energy, inner = np.empty((2, len(centres)), np.float32)
    for start in range(0, len(centres), BLOCK_FRAMES):
        block = slice(start, start + BLOCK_FRAMES)
        segments, inner[block] = _segments(padded, centres[block], window, middle, 2 * len(weight) - 2)
        spectrum = scipy.fft.rfft(segments, axis=1)
        power = (spectrum.real**2 + spectrum.imag**2) * weight
        lagged = scipy.fft.dct(power, type=1, axis=1)[:, : len(unshape)] / np.float32(segments.shape[1])
        energy[block] = lagged[:, 0]
        correlation[block] = lagged * (unshape / np.maximum(lagged[:, :1], _TINY))
    faded = inner * np.float32(np.mean(window**2)) <= FADED * energy / len(window)
    return correlation, (energy > energy.max() * 10 ** (SILENCE_DB / 10)) & ~faded


@numba.njit(cache=True, nogil=True)
def _segments(
    x: np.ndarray, starts: np.ndarray, window: np.ndarray, middle: int, n_fft: int
) -> tuple[np.ndarray, np.ndarray]:
    """Windowed segments, zero-padded, and the mean power within ``middle`` samples of each one's centre."""
    n = len(window)
    segments = np.zeros((len(starts), n_fft), np.float32)
    power = np.zeros(len(starts), np.float32)
    for frame in range(len(starts)):
        x_here, row = x[starts[frame] : starts[frame] + n], segments[frame]
        for i in range(n):
            row[i] = x_here[i] * window[i]
        for i in range(n // 2 - middle, n // 2 + middle):
            power[frame] += x_here[i] * x_here[i]
    return segments, power / np.float32(2 * middle)


@numba.njit(cache=True, nogil=True)
def _raise_peaks(correlation: np.ndarray, shortest: int, longest: int) -> np.ndarray:
    """Lags ``shortest`` to ``longest``, peaks raised to their parabola's vertex.

    Otherwise a period that falls between two lags would lose against its double that falls on one.
    """
    raised = np.empty((len(correlation), longest - shortest + 1), np.float32)
    for frame in range(len(raised)):
        row = correlation[frame]
        for i in range(raised.shape[1]):
            left, mid, right = row[shortest + i - 1], row[shortest + i], row[shortest + i + 1]
            raised[frame, i] = mid
            if mid >= left and mid > right:
                raised[frame, i] = mid - (left - right) ** 2 / (np.float32(8.0) * (left - mid - mid + right))
    return raised


@numba.njit(cache=True, nogil=True)
def _best_path(correlation: np.ndarray, octaves: np.ndarray, jump_cost: float, voicing_cost: float) -> np.ndarray:
    """Cheapest path of lag indices, -1 for unvoiced frames; costs as at the top of the module."""
    n, m = correlation.shape
    voiced_from = np.empty((n, m), np.int16)  # lag index before a voiced frame, -1 for unvoiced
    unvoiced_from = np.empty(n, np.int16)
    slope, switch = (octaves * jump_cost).astype(np.float32), np.float32(voicing_cost)
    wish = (1.0 + OCTAVE_COST * octaves).astype(np.float32)
    cost, best = np.zeros(m, np.float32), np.zeros(m, np.float32)
    unvoiced = np.float32(0.0)
    for frame in range(n):
        origin = voiced_from[frame]
        least = np.float32(np.inf)
        source = 0
        for i in range(m):  # forward pass of the distance transform over log lag
            if cost[i] - slope[i] < least:
                least, source = cost[i] - slope[i], i
            best[i], origin[i] = least + slope[i], source
        least = np.float32(np.inf)
        for i in range(m - 1, -1, -1):
            if cost[i] + slope[i] < least:
                least, source = cost[i] + slope[i], i
            if least - slope[i] < best[i]:
                best[i], origin[i] = least - slope[i], source
        cheapest = np.argmin(cost)
        stay, unvoiced_from[frame] = unvoiced, -1
        if cost[cheapest] + switch < stay:
            stay, unvoiced_from[frame] = cost[cheapest] + switch, cheapest
        enter = unvoiced + switch
        for i in range(m):
            if enter < best[i]:
                best[i], origin[i] = enter, -1
            cost[i] = best[i] + wish[i] - correlation[frame, i]
        unvoiced = stay + np.float32(1.0 - VOICING_THRESHOLD)
        lead = min(unvoiced, cost.min())  # sums of a long recording would run out of digits
        unvoiced -= lead
        cost -= lead
    path = np.empty(n, np.int64)
    last = np.argmin(cost)
    state = -1 if unvoiced <= cost[last] else last
    for frame in range(n - 1, -1, -1):
        path[frame] = state
        state = unvoiced_from[frame] if state < 0 else voiced_from[frame, state]
    return path


def _half_lag_weights() -> np.ndarray:
    """Interpolator for the middle of 2 REACH neighbours: half of it, from the middle outwards."""
    offset = np.arange(REACH) + 0.5
    weights = np.sinc(offset) * np.i0(7.0 * np.sqrt(1 - (offset / REACH) ** 2))
    return weights / weights.sum() / 2


_HALF_LAG = _half_lag_weights()


@numba.njit(cache=True, nogil=True)
def _refine(correlation: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """Move each lag to its peak: the vertex of a parabola through points half a lag apart; 0 stays 0."""
    period = np.zeros(len(lags))
    near = np.empty(5)  # correlation 1 and 1/2 before the lag, at it, 1/2 and 1 behind
    for frame in np.flatnonzero(lags):
        row, lag = correlation[frame], lags[frame]
        near[::2] = row[lag - 1 : lag + 2]
        near[1::2] = 0.0
        for k in range(REACH):
            near[1] += _HALF_LAG[k] * (row[lag - 1 - k] + row[lag + k])
            near[3] += _HALF_LAG[k] * (row[lag - k] + row[lag + 1 + k])
        top = 1 + np.argmax(near[1:4])
        left, mid, right = near[top - 1 : top + 2]
        bend = left - 2 * mid + right
        shift = 0.5 * (left - right) / bend if bend < 0 else 0.0
        period[frame] = lag + 0.5 * (top - 2 + min(max(shift, -1.0), 1.0))
    return period
