"""Response of least squares between two signals: what a linear system that made one of the other does."""

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.linalg import solve_toeplitz

__all__ = ["find_response", "whitening_filter"]

_LOADING = 1e-4  # of the source's energy: frequencies 40 dB below the mean are left alone
_TOLERANCE = 1e-5
_MOST_STEPS = 200


def find_response(source: np.ndarray, signal: np.ndarray, *, n_before: int, n_after: int) -> np.ndarray:
    """Find the taps that lead from a source to a signal, and those that would be there before it.

    Least squares with a small ridge, solved by conjugate gradients; the circulant matrix next to the Toeplitz one
    preconditions them [1]_. What is in the signal and does not depend on the source spreads evenly over all taps.

    Parameters
    ----------
    source, signal : float array, shape (n_samples,)
        Of one scale, time-aligned.
    n_before, n_after : int
        Taps before time 0, which a causal system has none of, and from it on.

    Returns
    -------
    float64 array, shape (n_before + n_after,)
        The tap of time 0 is at index ``n_before``.

    References
    ----------
    .. [1] T. F. Chan, "An optimal circulant preconditioner for Toeplitz systems", SIAM J. Sci. Stat. Comput. 9,
       1988.

    Examples
    --------
    >>> source = np.random.default_rng(0).standard_normal(8_000)
    >>> signal = np.convolve(source, [1, 0, 0, -0.5])[:8_000]
    >>> np.round(10 * find_response(source, signal, n_before=1, n_after=5)).astype(int)
    array([ 0, 10,  0,  0, -5,  0])
    """
    if source.shape != signal.shape or source.ndim != 1:
        raise ValueError(f"expected two signals of one length, got shapes {source.shape} and {signal.shape}")
    n_taps = n_before + n_after
    if not 0 < n_taps < len(source):
        raise ValueError(f"expected 1 to {len(source) - 1} taps for {len(source)} samples, got {n_taps}")
    n_fft = next_fast_len(len(source) + n_taps, real=True)
    spectrum = rfft(source, n_fft)
    correlation = irfft(spectrum.real**2 + spectrum.imag**2, n_fft)[:n_taps]
    cross = np.roll(irfft(np.conj(spectrum) * rfft(signal, n_fft), n_fft), n_before)[:n_taps]
    return _solve(correlation, cross, _LOADING * correlation[0])


def _solve(correlation: np.ndarray, cross: np.ndarray, loading: float) -> np.ndarray:
    """Solve the symmetric Toeplitz system with a given first column, and something on its diagonal."""
    n = len(cross)
    n_fft = next_fast_len(2 * n, real=True)
    column = np.zeros(n_fft)
    column[:n] = correlation
    column[n_fft - n + 1 :] = correlation[:0:-1]
    matrix = rfft(column)
    steps = np.arange(n)
    nearest = ((n - steps) * correlation + steps * np.r_[0.0, correlation[:0:-1]]) / n
    weights = 1 / (np.maximum(rfft(nearest).real, 0) + loading)
    taps, residual, wanted = np.zeros(n), cross, _TOLERANCE**2 * np.sum(cross * cross)
    direction, slope = np.zeros(n), 1.0
    for _ in range(_MOST_STEPS):
        if np.sum(residual * residual) <= wanted:
            break
        downhill = irfft(rfft(residual) * weights, n)
        previous, slope = slope, float(np.sum(residual * downhill))
        direction = downhill + slope / previous * direction
        image = irfft(matrix * rfft(direction, n_fft), n_fft)[:n] + loading * direction
        step = slope / float(np.sum(direction * image))
        taps, residual = taps + step * direction, residual - step * image
    return taps


def whitening_filter(signal: np.ndarray, *, order: int, floor_db: float) -> np.ndarray:
    """Prediction-error filter that flattens the long-term spectrum of a signal.

    Parameters
    ----------
    signal : float array, shape (n_samples,)
        Not silent.
    order : int
        Of the prediction.
    floor_db : float
        What lies that far below the mean power, in dB, is flattened no further.

    Returns
    -------
    float64 array, shape (order + 1,)
        Taps; the first is 1.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal(100_000)
    >>> coloured = np.convolve(noise, 0.5 ** np.arange(20))
    >>> np.round(10 * whitening_filter(coloured, order=2, floor_db=60)).astype(int)
    array([10, -5,  0])
    """
    n_fft = next_fast_len(len(signal) + order + 1, real=True)
    spectrum = rfft(signal, n_fft)
    correlation = irfft(spectrum.real**2 + spectrum.imag**2, n_fft)[: order + 1]
    correlation[0] *= 1 + 10 ** (-floor_db / 10)
    return np.r_[1.0, -solve_toeplitz(correlation[:-1], correlation[1:])]
