"""Delay, gain and polarity of a signal against the one it was made from."""

from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

__all__ = ["Lag", "find_lag"]

_LOADING = 1.0  # of the mean power of the reference's spectrum
_REACH = 32  # samples on either side that the interpolation takes in
_STEPS = 64  # per sample


@dataclass(frozen=True)
class Lag:
    """How one signal follows from another, as far as a delay and a gain explain it.

    Attributes
    ----------
    delay_samples : float
        Positive if the signal is late.
    gain : float
        Negative if the polarity is turned round.
    prominence : float
        Peak of the impulse response over its median magnitude; below 8 chance can make it.
    """

    delay_samples: float
    gain: float
    prominence: float


def find_lag(reference: np.ndarray, signal: np.ndarray, *, max_delay: int) -> Lag:
    """Find the delay and the gain that lead from a reference to a signal.

    The delay is where the impulse response of least squares from the reference to the signal, regularised by the
    reference's mean power, is largest in magnitude, to a fraction of a sample. Noise and filters change it little.

    Parameters
    ----------
    reference, signal : float array, shape (n_samples,)
        Neither may be silent.
    max_delay : int
        Largest delay and advance looked for, in samples, below ``n_samples``.

    Returns
    -------
    Lag

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal(8_000)
    >>> found = find_lag(noise, -0.5 * np.roll(noise, 7), max_delay=100)
    >>> round(found.delay_samples, 2), round(found.gain, 2)
    (7.0, -0.5)
    """
    if reference.shape != signal.shape or reference.ndim != 1:
        raise ValueError(f"expected two signals of one length, got shapes {reference.shape} and {signal.shape}")
    if not 0 < max_delay < len(reference):
        raise ValueError(f"expected a largest delay between 0 and {len(reference)} samples, got {max_delay}")
    peaks = [float(np.abs(x).max()) for x in (reference, signal)]
    n_fft = next_fast_len(len(reference) + max_delay + _REACH + 1, real=True)
    x, y = rfft(reference / peaks[0], n_fft), rfft(signal / peaks[1], n_fft)
    power = x.real**2 + x.imag**2
    cross = np.conj(x) * y
    response = irfft(cross / (power + _LOADING * np.mean(power)), n_fft)
    lags = np.arange(-max_delay, max_delay + 1)
    magnitude = np.abs(response[lags])
    median = float(np.median(magnitude))
    delay = _refined(response, int(lags[magnitude.argmax()]))
    turn = np.exp(2j * np.pi * delay / n_fft * np.arange(len(x)))
    # Sums over the spectrum's bins of both signs; the reference that was shifted out of the signal has no part.
    bins = np.where((np.arange(len(x)) == 0) | (2 * np.arange(len(x)) == n_fft), 1, 2)
    correlation = float(np.sum(bins * (cross * turn).real)) / n_fft
    shift = round(delay)
    common = reference[max(0, -shift) : len(reference) - max(0, shift)] / peaks[0]
    gain = correlation / float(np.sum(common * common)) * peaks[1] / peaks[0]
    return Lag(delay, gain, float(magnitude.max()) / median if median > 0 else np.inf)


def _refined(response: np.ndarray, peak: int) -> float:
    """Move a peak to the largest magnitude of the band-limited response within a sample of it."""
    near = np.arange(peak - _REACH, peak + _REACH + 1)
    at = peak + np.arange(-_STEPS, _STEPS + 1) / _STEPS
    distance = at[:, None] - near
    kernel = np.sinc(distance) * np.cos(np.pi / 2 * distance / (_REACH + 1)) ** 2
    return float(at[np.abs(np.sum(kernel * response[near], axis=1)).argmax()])
