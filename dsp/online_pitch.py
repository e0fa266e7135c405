"""Pitch of noisy speech as it arrives: the tracker of `percepkit.dsp.pitch` with a bounded view of the future.

It measures the same autocorrelation and follows the same kind of path, but decides on a frame as soon as its
look-ahead has arrived. It gives every frame a period; how much that means, its correlation tells.
"""

import numba
import numpy as np
import scipy.fft

from percepkit.dsp.pitch import (
    HIGH_PASS_HZ,
    JUMP_COST,
    MAX_F0_HZ,
    MIN_F0_HZ,
    OCTAVE_COST,
    RATE_HZ,
    _lowpass,
    _raise_peaks,
    _refine,
    _tables,
)
from percepkit.dsp.stft import hop_length

__all__ = ["PitchTracker"]

SILENCE = 1e-9  # mean power of the window, re full scale, that counts as no correlation at all


class PitchTracker:
    """Period and correlation of one frame for every hop that arrives.

    The row that comes with hop j belongs to frame j - ``look_ahead_frames`` of `percepkit.dsp.stft.analyse`; the
    first ``look_ahead_frames`` rows lie before the signal. Without any look-ahead the window of 40 ms cannot be
    centred on the frame and lies one hop early.

    Parameters
    ----------
    sample_rate : int
        In Hz, at least 8000.
    look_ahead_frames : int
        Hops after the end of a frame that its decision waits for, 0 or more.

    Examples
    --------
    >>> t = np.arange(8_000) / 16_000
    >>> voice = sum(np.sin(2 * np.pi * 125.0 * k * t) / k for k in range(1, 20))
    >>> period, correlation = PitchTracker(16_000, look_ahead_frames=2).process(voice)
    >>> len(period), bool(abs(period[20] - 128.0) < 0.1), bool(correlation[20] > 0.95)
    (50, True, True)
    """

    def __init__(self, sample_rate: int, *, look_ahead_frames: int) -> None:
        if sample_rate < RATE_HZ:
            raise ValueError(
                f"pitch tracking needs at least {RATE_HZ} Hz, found {sample_rate}; resample the signal first"
            )
        self.hop = hop_length(sample_rate)
        fits = [f for f in range(1, sample_rate // RATE_HZ + 1) if self.hop % f == 0]
        self._factor = max(fits)  # hops stay whole numbers of samples
        rate = sample_rate / self._factor
        self._shortest, self._longest = int(rate / MAX_F0_HZ), int(np.ceil(rate / MIN_F0_HZ))
        self._window, self._weight, self._unshape = _tables(rate, self._longest)
        taps = _lowpass(self._factor).astype(np.float64).reshape(-1) if self._factor > 1 else np.ones(1)
        pole = np.exp(-2 * np.pi * HIGH_PASS_HZ / rate)
        self._taps, self._pole = taps[::-1].copy(), float(pole)
        self._tail, self._state = np.zeros(len(taps) - 1), np.zeros(2)
        self._past = np.zeros(len(self._window) - self.hop // self._factor)
        octaves = np.log2(np.arange(self._shortest, self._longest + 1) / self._shortest)
        self._slope, self._wish = JUMP_COST * octaves, 1 + OCTAVE_COST * octaves
        self._back = max(look_ahead_frames - 1, 0)
        self._cost = np.zeros(len(octaves))
        self._origins = np.tile(np.arange(len(octaves), dtype=np.int16), (self._back + 1, 1))
        self._rows = np.zeros((self._back, len(self._unshape)))

    def process(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Take a whole number of hops.

        Returns
        -------
        period : float64 array, shape (hops,)
            In samples at the tracker's rate, with fractions, 16 ms at most and never 0.
        correlation : float64 array, shape (hops,)
            Of the window with itself one period away, about 0 to 1; 0 in silence.
        """
        if not len(samples):
            return np.zeros(0), np.zeros(0)
        slow = self._decimate(samples)
        rows = np.concatenate([self._rows, self._autocorrelation(slow)])
        raised = _raise_peaks(rows[self._back :], self._shortest, self._longest)
        path = _follow(raised, self._slope, self._wish, self._cost, self._origins, self._back)
        decided = rows[: len(path)]
        self._rows = rows[len(path) :]
        lags = path + self._shortest
        return _refine(decided, lags) * self._factor, decided[np.arange(len(lags)), lags]

    def _decimate(self, samples: np.ndarray) -> np.ndarray:
        """Low-passed, every ``factor``-th sample, high-passed; late by half the low-pass."""
        x = np.concatenate([self._tail, samples])
        self._tail = x[len(samples) :]
        return _slow_down(x, self._taps, self._factor, self._pole, self._state)

    def _autocorrelation(self, slow: np.ndarray) -> np.ndarray:
        """Autocorrelation coefficients of the window that ends with each hop, from lag 0."""
        n, step = len(self._window), self.hop // self._factor
        samples = np.concatenate([self._past, slow])
        self._past = samples[len(slow) :]
        n_fft = 2 * len(self._weight) - 2
        spectrum = scipy.fft.rfft(_segments(samples, self._window, step, n_fft), axis=1)
        lagged = scipy.fft.dct(_weighted_power(spectrum, self._weight), type=1, axis=1)
        return np.asarray(_coefficients(lagged, self._unshape, SILENCE * n * n_fft))


@numba.njit(cache=True, nogil=True)
def _slow_down(x: np.ndarray, taps: np.ndarray, factor: int, pole: float, state: np.ndarray) -> np.ndarray:
    """Every ``factor``-th output of both filters; ``x`` begins with what the first taps need."""
    out = np.empty((len(x) - len(taps) + 1) // factor)
    for i in range(len(out)):
        total = 0.0
        for k in range(len(taps)):
            total += taps[k] * x[i * factor + k]
        state[1] = pole * state[1] + (total - state[0])
        state[0] = total
        out[i] = state[1]
    return out


@numba.njit(cache=True, nogil=True)
def _segments(x: np.ndarray, window: np.ndarray, step: int, n_fft: int) -> np.ndarray:
    """Windowed segments that begin every ``step`` samples, zero-padded."""
    n = len(window)
    segments = np.zeros(((len(x) - n) // step + 1, n_fft))
    for i in range(len(segments)):
        for k in range(n):
            segments[i, k] = x[i * step + k] * window[k]
    return segments


@numba.njit(cache=True, nogil=True)
def _weighted_power(spectrum: np.ndarray, weight: np.ndarray) -> np.ndarray:
    power = np.empty((len(spectrum), len(weight)))
    for row in range(len(power)):
        for k in range(len(weight)):
            power[row, k] = (spectrum[row, k].real ** 2 + spectrum[row, k].imag ** 2) * weight[k]
    return power


@numba.njit(cache=True, nogil=True)
def _coefficients(lagged: np.ndarray, unshape: np.ndarray, least: float) -> np.ndarray:
    """Autocorrelation over its value at lag 0, or over ``least``, with the window's own shape taken out."""
    out = np.empty((len(lagged), len(unshape)))
    for row in range(len(out)):
        scale = 1.0 / max(lagged[row, 0], least)
        for lag in range(out.shape[1]):
            out[row, lag] = lagged[row, lag] * scale * unshape[lag]
    return out


@numba.njit(cache=True, nogil=True)
def _follow(
    correlation: np.ndarray,
    slope: np.ndarray,
    wish: np.ndarray,
    cost: np.ndarray,
    origins: np.ndarray,
    back: int,
) -> np.ndarray:
    """Lag index decided with each row, ``back`` rows before it; ``cost`` and ``origins`` carry on."""
    n, m = correlation.shape
    path = np.empty(n, np.int64)
    best = np.empty(m)
    for frame in range(n):
        for row in range(back):
            origins[row] = origins[row + 1]
        origin = origins[back]
        least, source = np.inf, 0
        for i in range(m):  # two passes of the distance transform over log lag
            if cost[i] - slope[i] < least:
                least, source = cost[i] - slope[i], i
            best[i], origin[i] = least + slope[i], source
        least, source = np.inf, 0
        for i in range(m - 1, -1, -1):
            if cost[i] + slope[i] < least:
                least, source = cost[i] + slope[i], i
            if least - slope[i] < best[i]:
                best[i], origin[i] = least - slope[i], source
        for i in range(m):  # costs may grow without end: they are counted from the least below
            cost[i] = best[i] + wish[i] - correlation[frame, i]
        cost -= cost.min()
        state = np.argmin(cost)
        for row in range(back, 0, -1):
            state = origins[row, state]
        path[frame] = state
    return path
