"""Change the sample rate."""

import numpy as np
import soxr

__all__ = ["resample"]


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
