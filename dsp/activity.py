"""What part of its band, and of its time, a recording really uses."""

import numpy as np
from scipy.fft import rfft
from scipy.signal import get_window, welch

__all__ = ["active_span_seconds", "effective_bandwidth_hz", "kept_bandwidth_hz"]

FRAME_SECONDS = 0.04
ACTIVE_RANGE_DB = 40.0  # frames this far below the loudest do not count
QUANTILE = 0.95  # near to a maximum over time, yet a single click does not fill the band
RANGE_DB = 50.0
LOWEST_HZ = 50.0  # hum and rumble say nothing about the upper end
SMOOTHING_HZ = 125.0
HELD_DB = -90.0  # of a spectrum's peak: below it there is nothing to keep
KEPT_DB = -10.0
SPAN_FRAME_SECONDS = 0.02
SPAN_MARGIN_SECONDS = 0.06  # around the active frames: soft onsets and decays belong to the sound


def _loud_spectrum(x: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Bin frequencies, and for each bin the power that 5 % of the active frames exceed."""
    n = 2 * round(FRAME_SECONDS * sample_rate / 2)
    missing = max(0, n - len(x))
    x = np.pad(x, (missing // 2, missing - missing // 2))
    window = get_window("hann", n).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(x, n)[:: n // 2]
    power = np.abs(rfft(frames * window, axis=1)) ** 2
    energy = power.sum(axis=1)
    active = power[energy >= energy.max() * 10 ** (-ACTIVE_RANGE_DB / 10)]
    return np.arange(power.shape[1]) * sample_rate / n, np.quantile(active, QUANTILE, axis=0)


def effective_bandwidth_hz(x: np.ndarray, sample_rate: int) -> float:
    """Highest frequency that the recording really holds.

    The spectrum is the 95 % quantile over the active frames of 40 ms (those within 40 dB of the loudest),
    smoothed over 125 Hz and weighted by frequency, as speech and most noises fall by 3 dB an octave or
    more. The result is the last frequency within 50 dB of its peak. Speech recorded at 16 kHz and
    resampled to 48 kHz gives about 8 kHz.

    Parameters
    ----------
    x : float array, shape (n,)
        Audio; its level does not matter.
    sample_rate : int
        Hz.

    Returns
    -------
    float
        Hz, at most half the sample rate; 0 for silence.

    Examples
    --------
    >>> t = np.arange(16000) / 16000
    >>> effective_bandwidth_hz(np.sin(2 * np.pi * 1000 * t), 16000) < 1200
    True
    """
    x = np.asarray(x, dtype=np.float32)
    if x.ndim != 1:
        raise ValueError(f"expected one channel [n], got shape {x.shape}")
    peak = float(np.abs(x).max()) if len(x) else 0.0
    if peak == 0:
        return 0.0
    frequency, power = _loud_spectrum(x / peak, sample_rate)
    n_bins = max(1, round(SMOOTHING_HZ / frequency[1]))
    weighted = np.convolve(power, np.ones(n_bins) / n_bins, "same") * frequency * (frequency >= LOWEST_HZ)
    held = np.flatnonzero(weighted > weighted.max() * 10 ** (-RANGE_DB / 10))
    return float(frequency[held[-1]]) if len(held) else 0.0


def kept_bandwidth_hz(before: np.ndarray, after: np.ndarray, sample_rate: int) -> float:
    """Highest frequency of a signal that a stage such as a coder has kept.

    Powers are means over the whole signals, in cells of 125 Hz. A cell is kept where at least a tenth of its power
    is left; one that held less than -90 dB of the strongest says nothing.

    Parameters
    ----------
    before, after : float array, shape (n_samples,)
        Aligned.
    sample_rate : int
        Hz.

    Returns
    -------
    float
        Hz; half the sample rate where all that was there is kept.

    Examples
    --------
    >>> t = np.arange(16000) / 16000
    >>> low, high = np.sin(2 * np.pi * 1000 * t), np.sin(2 * np.pi * 5000 * t)
    >>> kept_bandwidth_hz(low + high, low, 16000)
    1125.0
    """
    cells = [_cell_powers(x, sample_rate) for x in (before, after)]
    held = np.flatnonzero(cells[0] > cells[0].max() * 10 ** (HELD_DB / 10))
    kept = held[cells[1][held] >= cells[0][held] * 10 ** (KEPT_DB / 10)]
    if len(held) == 0 or (len(kept) and kept[-1] >= held[-1] - 1):
        return sample_rate / 2
    return float(SMOOTHING_HZ * (kept[-1] + 1)) if len(kept) else 0.0


def _cell_powers(x: np.ndarray, sample_rate: int) -> np.ndarray:
    frequency, power = welch(x, sample_rate, nperseg=min(round(FRAME_SECONDS * sample_rate), len(x)))
    return np.bincount((frequency / SMOOTHING_HZ).astype(np.int64), power)


def active_span_seconds(x: np.ndarray, sample_rate: int) -> tuple[float, float]:
    """Where the sound of a recording begins and ends.

    A frame of 20 ms is active where its power is within 40 dB of the loudest. The first active frame begins the
    span and the last one ends it, with 60 ms on either side.

    Parameters
    ----------
    x : float array, shape (n_samples,)
        Audio; its level does not matter.
    sample_rate : int
        Hz.

    Returns
    -------
    start, end : float
        In seconds; 0 and 0 for silence.

    Raises
    ------
    ValueError
        If ``x`` has not one dimension.

    Examples
    --------
    >>> tone = np.sin(np.arange(16000))
    >>> active_span_seconds(np.concatenate([np.zeros(16000), tone, np.zeros(32000)]), 16000)
    (0.94, 2.06)
    """
    if x.ndim != 1:
        raise ValueError(f"expected one channel [n], got shape {x.shape}")
    n = round(SPAN_FRAME_SECONDS * sample_rate)
    frames = np.pad(np.asarray(x, np.float64), (0, -len(x) % n)).reshape(-1, n)
    power = np.square(frames).mean(axis=1)
    if not power.any():
        return 0.0, 0.0
    active = np.flatnonzero(power >= power.max() * 10 ** (-ACTIVE_RANGE_DB / 10))
    start, end = int(active[0]) * n / sample_rate, (int(active[-1]) + 1) * n / sample_rate
    return max(start - SPAN_MARGIN_SECONDS, 0.0), min(end + SPAN_MARGIN_SECONDS, len(x) / sample_rate)
