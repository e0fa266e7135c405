"""Change the sample rate."""

import numpy as np
import soxr

from percepkit.dsp.alignment import advance

__all__ = ["resample", "resample_from"]


def resample(x: np.ndarray, from_rate: float, to_rate: int) -> np.ndarray:
    """Resample by SoX's HQ filter (linear phase, about 100 dB), aligned in time.

    Parameters
    ----------
    x : float array, shape (n,) or (n, channels)
        float32 gives float32, float64 gives float64.
    from_rate, to_rate : float, int
        Hz. Equal rates return ``x`` itself.

    Returns
    -------
    float array, shape (ceil(n * to_rate / from_rate), ...)

    Examples
    --------
    >>> resample(np.ones(441, np.float32), 44100, 16000).shape
    (160,)
    """
    if from_rate <= 0 or to_rate <= 0:
        raise ValueError(f"sample rates must be positive, got {from_rate} and {to_rate} Hz")
    if from_rate == to_rate:
        return x
    n_out = int(-(-len(x) * to_rate // from_rate))
    if n_out == 0:
        return x[:0]
    y = np.asarray(soxr.resample(x, from_rate, to_rate, quality="HQ"))
    # soxr rounds the length to the nearest, down to none; at most one sample is missing or too many at the end.
    if len(y) < n_out:
        last = y[-1:] if len(y) else x[-1:]
        y = np.concatenate([y, np.repeat(last, n_out - len(y), axis=0)])
    return y[:n_out]


def resample_from(x: np.ndarray, place: float, from_rate: float, to_rate: int, n_samples: int) -> np.ndarray:
    """Cut a stretch that begins between two samples, and resample it: how a delayed, drifting clock is undone.

    Parameters
    ----------
    x : float array, shape (n,)
    place : float
        Where to begin, in samples of ``x``.
    from_rate : float
        Hz by the other clock: a recording that lasts 50 ppm too long has 1.00005 times its nominal rate.
    to_rate : int
        Hz.
    n_samples : int
        Of the result; zeros stand for what lies outside of ``x``.

    Returns
    -------
    array of the dtype of ``x``, shape (n_samples,)
        Samples of ``x`` itself where the place is whole and the rates are equal.

    Examples
    --------
    >>> resample_from(np.arange(5.0), 3, 16_000, 16_000, 3)
    array([3., 4., 0.])
    """
    length = int(np.ceil(n_samples * from_rate / to_rate))
    y = resample(advance(x, place, length), from_rate, to_rate)[:n_samples]
    return y if len(y) == n_samples else np.concatenate([y, np.zeros(n_samples - len(y), y.dtype)])
