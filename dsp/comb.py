"""Comb filter along the pitch: a Hann-weighted mean over neighbouring periods, with fractional periods.

References
----------
J.-M. Valin et al., Interspeech 2020 (PercepNet), section 3: 11 taps, one period apart, weights of a Hann window.
"""

import numba
import numpy as np

from percepkit.dsp.stft import hop_length, n_frames

__all__ = ["COMB_ORDER", "comb_frames", "comb_weights"]

COMB_ORDER = 5  # periods to each side
TABLE_PHASES = 256  # resolution of the fractional delays; neighbours are interpolated
HALF_WIDTH = 8  # samples of the interpolating sinc to each side


def comb_weights(order: int = COMB_ORDER) -> np.ndarray:
    """Weights of the periods -order to order; they sum to one.

    Examples
    --------
    >>> w = comb_weights()
    >>> round(float(w.sum()), 12), round(float(w @ w), 12)  # passes the tones, -9 dB for white noise
    (1.0, 0.125)
    """
    k = np.arange(-order, order + 1)
    return (1 + np.cos(np.pi * k / (order + 1))) / (2 * (order + 1))


def _sinc_table() -> np.ndarray:
    """Interpolating filters for the fractions 0, 1/256, ... 1: rows that sum to one."""
    offset = np.arange(1 - HALF_WIDTH, HALF_WIDTH + 1) - np.linspace(0, 1, TABLE_PHASES + 1)[:, None]
    table = np.sinc(offset) * np.kaiser(2 * 4096 + 1, 6.0)[np.rint((offset / HALF_WIDTH + 1) * 4096).astype(int)]
    return table / table.sum(axis=1, keepdims=True)


_TABLE = _sinc_table()


def comb_frames(x: np.ndarray, period: np.ndarray, sample_rate: int, *, order: int = COMB_ORDER) -> np.ndarray:
    """Comb-filter each frame of ``x`` with its own period.

    Parameters
    ----------
    x : float array, shape (n_samples,)
        Signal; it counts as zero outside.
    period : float array, shape (frames,)
        Period in samples of each frame of `percepkit.dsp.stft.analyse`; 0 gives a frame of zeros.
    sample_rate : int
        In Hz.
    order : int
        Periods to each side.

    Returns
    -------
    array of the dtype of ``x``, shape (frames, 2 hop)
        Sum over k of w_k x(n - k period), unwindowed, frames as in `percepkit.dsp.stft.frame_signal`.

    Examples
    --------
    >>> x = np.sin(2 * np.pi * np.arange(8000) / 40.5)
    >>> y = comb_frames(x, np.full(101, 40.5), 8000)[50]
    >>> bool(np.abs(y - x[49 * 80 : 51 * 80]).max() < 2e-4)
    True
    """
    hop = hop_length(sample_rate)
    frames = n_frames(len(x), sample_rate)
    if period.shape != (frames,):
        raise ValueError(f"{len(x)} samples have {frames} frames, found periods of shape {period.shape}")
    margin = int(np.ceil(order * period.max(initial=0.0))) + HALF_WIDTH + 1
    padded = np.zeros(2 * margin + (frames + 1) * hop, dtype=x.dtype)
    padded[margin + hop : margin + hop + len(x)] = x
    out = np.zeros((frames, 2 * hop), dtype=x.dtype)
    _comb(padded, period, comb_weights(order), _TABLE, margin, out)
    return out


@numba.njit(cache=True, nogil=True)
def _comb(
    padded: np.ndarray,
    period: np.ndarray,
    weights: np.ndarray,
    table: np.ndarray,
    margin: int,
    out: np.ndarray,
) -> None:
    frames, length = out.shape
    order = len(weights) // 2
    width = table.shape[1]
    for frame in range(frames):
        if period[frame] <= 0:
            continue
        row = out[frame]
        start = margin + frame * (length // 2)
        for k in range(-order, order + 1):
            position = start - k * period[frame]
            whole = int(np.floor(position))
            phase = (position - whole) * (len(table) - 1)
            lower = min(int(phase), len(table) - 2)
            share = phase - lower
            for tap in range(width):
                value = weights[k + order] * ((1 - share) * table[lower, tap] + share * table[lower + 1, tap])
                if value == 0.0:
                    continue
                gain = padded.dtype.type(value)
                source = padded[whole + tap + 1 - width // 2 :]
                for n in range(length):
                    row[n] += gain * source[n]
