"""Frames and critical bands that Loizou's measures share.

Frames of 30 ms overlap by three quarters; the last complete one is left out. The measures were written for 8 and
16 kHz: rates between are taken as they are, higher ones are resampled to 16 kHz. Samples are relative to full
scale, and machine epsilon is added to all of them, so that digital silence has a spectrum.

References
----------
P. C. Loizou, "Speech Enhancement: Theory and Practice", 2nd ed., CRC Press 2013, chapter 11.
"""

from functools import cache

import numba
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from percepkit.audio.resampling import resample
from percepkit.eval.metrics._interface import Unscorable

__all__ = ["EPS", "critical_bands", "frames_of", "mean_of_lowest", "signal_at_rate", "window_of"]

EPS = float(np.finfo(np.float64).eps)
_LOWEST_RATE, _HIGHEST_RATE = 8_000, 16_000
_FRAME_SECONDS = 0.03
_BLOCK = 64  # frames whose spectra fit into the cache

_CENTRE_HZ = (
    "50 120 190 260 330 400 470 540 617.372 703.378 798.717 904.128 1020.38 1148.30 1288.72 1442.54 1610.70 "
    "1794.16 1993.93 2211.08 2446.71 2701.97 2978.04 3276.17 3597.63"
)
_WIDTH_HZ = (
    "70 70 70 70 70 70 70 77.3724 86.0056 95.3398 105.411 116.256 127.914 140.423 153.823 168.154 183.457 199.776 "
    "217.153 235.631 255.255 276.072 298.126 321.465 346.136"
)
_LOWEST_WEIGHT = np.exp(-30 / (2 * 2.303))  # what lies below is left out: about -28 dB


def signal_at_rate(x: np.ndarray, sample_rate: int) -> tuple[np.ndarray, int]:
    """Bring a signal to the rate that the measures run at.

    Returns
    -------
    float64 array, shape (n_samples at the rate,), and int
        Signal with machine epsilon added, and its rate in Hz.

    Raises
    ------
    Unscorable
        ``rate_mismatch`` below 8 kHz.
    """
    if sample_rate < _LOWEST_RATE:
        raise Unscorable("rate_mismatch", f"the measure needs {_LOWEST_RATE} Hz or more, got {sample_rate} Hz")
    rate = min(sample_rate, _HIGHEST_RATE)
    return resample(x, sample_rate, rate) + EPS, rate


@cache
def window_of(rate: int) -> np.ndarray:
    """Hann window without its two zeros, as long as a frame.

    Examples
    --------
    >>> len(window_of(16_000)), round(float(window_of(16_000)[239]), 4)
    (480, 1.0)
    """
    window = np.hanning(round(_FRAME_SECONDS * rate) + 2)[1:-1]
    window.flags.writeable = False
    return window


def frames_of(x: np.ndarray, rate: int) -> np.ndarray:
    """Cut a signal into frames, without the window.

    Returns
    -------
    view, shape (n_frames, n_window)

    Raises
    ------
    Unscorable
        ``too_short`` for a signal of less than one frame and a quarter.

    Examples
    --------
    >>> frames_of(np.zeros(16_000), 16_000).shape
    (129, 480)
    """
    n_window = len(window_of(rate))
    hop = n_window // 4
    n_frames = (len(x) - n_window) // hop
    if n_frames < 1:
        raise Unscorable("too_short", f"{len(x) / rate:.3g} s, {1.25 * _FRAME_SECONDS:.4f} s are needed")
    return sliding_window_view(x, n_window)[: n_frames * hop : hop]


def _n_fft(rate: int) -> int:
    """Power of two that holds two frames."""
    return 1 << int(np.ceil(np.log2(2 * len(window_of(rate)))))


@cache
def _bands(rate: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bins of the 25 critical bands one after another, their weights, and where bands start (one more)."""
    centre, width = (np.array(text.split(), dtype=float) for text in (_CENTRE_HZ, _WIDTH_HZ))
    n_bins = _n_fft(rate) // 2
    per_bin = 2 * n_bins / rate
    distance = np.arange(n_bins) - np.floor(centre * per_bin)[:, None]
    weights = np.exp(-11 * (distance / (width * per_bin)[:, None]) ** 2) * (width[0] / width)[:, None]
    band, bins = np.nonzero(weights > _LOWEST_WEIGHT)
    return bins, weights[band, bins], np.searchsorted(band, np.arange(len(centre) + 1))


def critical_bands(x: np.ndarray, rate: int, *, exponent: float) -> tuple[np.ndarray, np.ndarray]:
    """Sum the spectra of the windowed frames over the 25 critical bands, which end at 3.9 kHz, and over all bins.

    Parameters
    ----------
    x : float array, shape (n_samples,)
    rate : int
        Hz.
    exponent : float
        Of the power: 1 for sums of power, 0.5 for sums of magnitudes.

    Returns
    -------
    float array, shape (n_frames, 25)
        Weighted sums over the bands.
    float array, shape (n_frames,)
        Sums over all bins below half the rate.

    Examples
    --------
    >>> bands, total = critical_bands(np.eye(1, 960, 300)[0], 16_000, exponent=0.5)
    >>> (bands[0, [1, 24]] / total[0]).round(5).tolist()  # of an impulse, whose spectrum is flat
    [0.00468, 0.00467]
    """
    frames, window = frames_of(x, rate), window_of(rate)
    bands, total = np.empty((len(frames), 25)), np.empty(len(frames))
    for first in range(0, len(frames), _BLOCK):
        part = slice(first, first + _BLOCK)
        spectrum = np.fft.rfft(frames[part] * window, _n_fft(rate))[:, :-1]
        magnitude = (spectrum.real**2 + spectrum.imag**2) ** exponent
        total[part] = np.sum(magnitude, axis=1)
        bands[part] = _band_sums(magnitude, *_bands(rate))
    return bands, total


@numba.njit(cache=True, nogil=True)
def _band_sums(spectrum: np.ndarray, bins: np.ndarray, weights: np.ndarray, first: np.ndarray) -> np.ndarray:
    sums = np.zeros((len(spectrum), len(first) - 1))
    for i in range(len(spectrum)):
        for band in range(len(first) - 1):
            for j in range(first[band], first[band + 1]):
                sums[i, band] += spectrum[i, bins[j]] * weights[j]
    return sums


def mean_of_lowest(values: np.ndarray) -> float:
    """Mean of the lowest 95 % of the values, which leaves the outliers of single frames out.

    Examples
    --------
    >>> mean_of_lowest(np.array([0.0] * 19 + [100.0]))
    0.0
    """
    n_kept = max(1, round(0.95 * len(values)))
    return float(np.mean(np.sort(values)[:n_kept]))
