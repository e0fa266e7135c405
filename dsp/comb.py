"""Comb filter along the pitch: a Hann-weighted mean over neighbouring periods, with fractional periods.

References
----------
J.-M. Valin et al., Interspeech 2020 (PercepNet), section 3: 11 taps, one period apart, weights of a Hann window.
"""

from functools import lru_cache

import numba
import numpy as np

from percepkit.dsp.stft import n_frames

__all__ = [
    "COMB_ORDER",
    "comb_frames",
    "comb_margin",
    "comb_weights",
    "comb_within",
    "noise_gains",
]

COMB_ORDER = 5  # periods to each side
TABLE_PHASES = 256  # resolution of the fractional delays; neighbours are interpolated
HALF_WIDTH = 8  # samples of the interpolating sinc to each side


def comb_weights(order: int = COMB_ORDER, future: int | None = None) -> np.ndarray:
    """Weights of the periods from ``future`` ahead to ``order`` back; they sum to one.

    Parameters
    ----------
    order : int
        Periods to each side.
    future : int, optional
        Periods ahead where they are fewer, for want of look-ahead.

    Returns
    -------
    float64 array, shape (2 order + 1,)
        Entry ``order + k`` belongs to x(n - k period); zero where k < -future.

    Examples
    --------
    >>> w = comb_weights()
    >>> round(float(w.sum()), 12), round(float(w @ w), 12)  # passes the tones, -9 dB for white noise
    (1.0, 0.125)
    """
    k = np.arange(-order, order + 1)
    weights = np.where(k >= -(order if future is None else future), 1 + np.cos(np.pi * k / (order + 1)), 0.0)
    return weights / weights.sum()


@numba.njit(cache=True, nogil=True)
def _future_periods(period: np.ndarray, order: int, look_ahead: int | None) -> np.ndarray:
    """Periods ahead that ``look_ahead`` samples after the end of a frame allow, 0 to ``order``, for each frame."""
    future = np.full(len(period), order)
    if look_ahead is not None:
        for frame in range(len(period)):
            future[frame] = min(max(look_ahead - HALF_WIDTH, 0) // max(period[frame], 1.0), order)
    return future


def noise_gains(period: np.ndarray, *, order: int = COMB_ORDER, look_ahead: int | None = None) -> np.ndarray:
    """Centre weight w_0 and gain for white noise, the sum of squared weights, of each frame's comb.

    Returns
    -------
    float64 array, shape (frames, 2)

    Examples
    --------
    >>> noise_gains(np.array([100.0])).round(6).tolist()
    [[0.166667, 0.125]]
    """
    table = _weight_table(order)
    gains = np.stack([table[:, order], np.sum(table**2, axis=1)], axis=1)
    return gains[_future_periods(period, order, look_ahead)]


@lru_cache(maxsize=8)
def _weight_table(order: int) -> np.ndarray:
    """One row of weights for each number of periods ahead."""
    return np.stack([comb_weights(order, future) for future in range(order + 1)])


def _sinc_table() -> np.ndarray:
    """Interpolating filters for the fractions 0, 1/256, ... 1: rows that sum to one."""
    offset = np.arange(1 - HALF_WIDTH, HALF_WIDTH + 1) - np.linspace(0, 1, TABLE_PHASES + 1)[:, None]
    sinc = np.where(np.abs(np.sinc(offset)) > 1e-12, np.sinc(offset), 0.0)  # a whole delay is exact
    table = sinc * np.kaiser(2 * 4096 + 1, 6.0)[np.rint((offset / HALF_WIDTH + 1) * 4096).astype(int)]
    return table / table.sum(axis=1, keepdims=True)


_TABLE = _sinc_table()


def comb_frames(
    x: np.ndarray, period: np.ndarray, hop: int, *, order: int = COMB_ORDER, look_ahead: int | None = None
) -> np.ndarray:
    """Comb-filter each frame of ``x`` with its own period.

    Parameters
    ----------
    x : float array, shape (n_samples,)
        Signal; it counts as zero outside.
    period : float array, shape (frames,)
        Period in samples of each frame of `percepkit.dsp.stft.analyse`; 0 gives a frame of zeros.
    hop : int
        Samples between frames.
    order : int
        Periods to each side.
    look_ahead : int, optional
        Samples after the end of a frame that its comb may use; without it as many as the filter is long. Periods
        ahead that do not fit are left out and the other weights scaled up.

    Returns
    -------
    array of the dtype of ``x``, shape (frames, 2 hop)
        Sum over k of w_k x(n - k period), unwindowed, frames as in `percepkit.dsp.stft.frame_signal`.

    Examples
    --------
    >>> x = np.sin(2 * np.pi * np.arange(8000) / 40.5)
    >>> y = comb_frames(x, np.full(101, 40.5), 80)[50]
    >>> bool(np.abs(y - x[49 * 80 : 51 * 80]).max() < 2e-4)
    True
    """
    frames = n_frames(len(x), hop)
    if period.shape != (frames,):
        raise ValueError(f"{len(x)} samples have {frames} frames, found periods of shape {period.shape}")
    margin = comb_margin(float(_checked(period).max(initial=0.0)), order)
    padded = np.zeros(2 * margin + (frames + 1) * hop, dtype=x.dtype)
    padded[margin + hop : margin + hop + len(x)] = x
    starts = margin + hop * np.arange(frames)
    return comb_within(padded, starts, period, hop, order=order, look_ahead=look_ahead)


def _checked(period: np.ndarray) -> np.ndarray:
    wrong = _first_wrong(period)
    if wrong < len(period):
        raise ValueError(f"a pitch period is at least {HALF_WIDTH} samples, or 0 for none; found {period[wrong]}")
    return period


@numba.njit(cache=True, nogil=True)
def _first_wrong(period: np.ndarray) -> int:
    for frame in range(len(period)):
        if period[frame] != 0 and not HALF_WIDTH <= period[frame] < np.inf:
            return frame
    return len(period)


def comb_margin(longest: float, order: int) -> int:
    """Samples before a frame that its comb reads, and after it without a limit of look-ahead."""
    return int(np.ceil(order * longest)) + HALF_WIDTH + 1


def comb_within(
    x: np.ndarray, starts: np.ndarray, period: np.ndarray, hop: int, *, order: int, look_ahead: int | None
) -> np.ndarray:
    """`comb_frames` of the frames that begin at the samples ``starts`` of ``x``.

    ``x`` must reach `comb_margin` samples before the first frame and ``look_ahead`` beyond the last.
    """
    out = np.zeros((len(period), 2 * hop), dtype=x.dtype)
    future = _future_periods(_checked(period), order, look_ahead)
    _comb(x, starts, period, future, _weight_table(order), _TABLE, out)
    return out


@numba.njit(cache=True, nogil=True)
def _comb(
    x: np.ndarray,
    starts: np.ndarray,
    period: np.ndarray,
    future: np.ndarray,
    weights: np.ndarray,
    table: np.ndarray,
    out: np.ndarray,
) -> None:
    order = weights.shape[1] // 2
    width = table.shape[1]
    taps = np.empty(width, x.dtype)
    for frame in range(len(out)):
        if period[frame] <= 0:
            continue
        row = out[frame]
        for k in range(-future[frame], order + 1):
            position = starts[frame] - k * period[frame]
            whole = int(np.floor(position))
            phase = (position - whole) * (len(table) - 1)
            lower = min(int(phase), len(table) - 2)
            share = phase - lower
            weight = weights[future[frame], k + order]
            for tap in range(width):
                taps[tap] = weight * ((1 - share) * table[lower, tap] + share * table[lower + 1, tap])
            _filter(x[whole + 1 - width // 2 :], taps, row)


@numba.njit(cache=True, nogil=True)
def _filter(source: np.ndarray, taps: np.ndarray, row: np.ndarray) -> None:
    # Four taps at once: the sum stays in a register while four products are added.
    for tap in range(0, len(taps), 4):
        a, b, c, d = taps[tap], taps[tap + 1], taps[tap + 2], taps[tap + 3]
        if a == 0.0 and b == 0.0 and c == 0.0 and d == 0.0:
            continue
        p, q, r, s = source[tap:], source[tap + 1 :], source[tap + 2 :], source[tap + 3 :]
        for n in range(len(row)):
            row[n] += a * p[n] + b * q[n] + c * r[n] + d * s[n]
