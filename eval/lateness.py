"""How late the outputs of other people's denoisers are against their input, and undoing it.

SI-SDR loses tens of decibels to a delay of half a millisecond that no listener would notice.
"""

import numpy as np

from percepkit.dsp.alignment import advance
from percepkit.dsp.lag import find_lag

__all__ = ["delay_of", "realigned"]

MAX_DELAY_SECONDS = 0.2
LEAST_PROMINENCE = 8.0
SMALLEST_SAMPLES = 0.5


def delay_of(noisy: np.ndarray, enhanced: np.ndarray, sample_rate: int) -> float | None:
    """Delay of an output in samples, to 1/64 of one; below 0 where it is early.

    Parameters
    ----------
    noisy, enhanced : float array, shape (n_samples,)
    sample_rate : int
        In Hz.

    Returns
    -------
    float or None
        None if no delay up to 0.2 s stands out, or the signals cannot be compared.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal(8_000)
    >>> delay_of(noise, np.roll(noise, 160), 16_000)
    160.0
    """
    if enhanced.shape != noisy.shape or not np.isfinite(enhanced).all() or not noisy.any() or not enhanced.any():
        return None
    reach = min(int(MAX_DELAY_SECONDS * sample_rate), len(noisy) // 4)
    if reach < 1:
        return None
    found = find_lag(noisy, enhanced, max_delay=reach)
    return found.delay_samples if found.prominence >= LEAST_PROMINENCE else None


def realigned(noisy: np.ndarray, enhanced: np.ndarray, sample_rate: int, *, align: bool) -> tuple[np.ndarray, str]:
    """Say how late an output is, and with ``align`` move it to where it belongs.

    Returns
    -------
    float array
        ``enhanced`` itself without ``align``, or where its delay is less than half a sample or unclear.
    str
        One line on the delay; empty where there is none.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal(8_000)
    >>> realigned(noise, np.roll(noise, 160), 16_000, align=False)[1]
    'late by 160 samples (10.0 ms), left so'
    """
    delay = delay_of(noisy, enhanced, sample_rate)
    if delay is None:
        return enhanced, "no clear delay against the input"
    if abs(delay) < SMALLEST_SAMPLES:
        return enhanced, ""
    way = "late" if delay > 0 else "early"
    size = f"{way} by {abs(delay):.4g} samples ({1000 * abs(delay) / sample_rate:.1f} ms)"
    if not align:
        return enhanced, f"{size}, left so"
    return advance(enhanced, delay, len(enhanced)), f"{size}, moved back"
