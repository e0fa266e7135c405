"""Smoothing with attack and release, which dynamics processors share."""

import math

import numba
import numpy as np

__all__ = ["follow", "pole"]


def pole(seconds: float, sample_rate: int) -> float:
    """Pole of a one-pole smoother: what is left, one sample later, of a difference that decays over ``seconds``.

    Examples
    --------
    >>> round(pole(0.001, 1_000), 6)  # 1 / e
    0.367879
    """
    return math.exp(-1 / (seconds * sample_rate))


@numba.njit(cache=True, nogil=True)
def follow(x: np.ndarray, rise: float, fall: float, start: float) -> np.ndarray:
    """Follow a signal by a one-pole smoother with one pole for rising and one for falling.

    Parameters
    ----------
    x : float64 array, shape (n,)
    rise, fall : float
        Poles, see `pole`.
    start : float
        Value before the first sample.

    Returns
    -------
    float64 array, shape (n,)

    References
    ----------
    D. Giannoulis, M. Massberg, J. D. Reiss, "Digital dynamic range compressor design", JAES 60(6), 2012,
    "smooth, branching" detector.

    Examples
    --------
    >>> follow(np.array([1.0, 1.0, 0.0]), 0.5, 0.9, 0.0)
    array([0.5  , 0.75 , 0.675])
    """
    y = np.empty(len(x))
    state = start
    for n in range(len(x)):
        state = x[n] + (rise if x[n] > state else fall) * (state - x[n])
        y[n] = state
    return y
