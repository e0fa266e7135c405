"""What denoisers of others return, held to the contract: one channel, finite, of the input's rate and length."""

from pathlib import Path

import numpy as np

from percepkit.audio.files import read
from percepkit.audio.resampling import resample

__all__ = ["as_returned", "read_enhanced"]

TOLERANCE_SECONDS = 0.05  # whole frames are all that many programs write


def read_enhanced(path: Path, n_samples: int, sample_rate: int) -> np.ndarray:
    """Read an enhanced file of any container and rate.

    Returns
    -------
    float32 array, shape (n_samples,)

    Raises
    ------
    AudioError, ValueError
        If it cannot be read, has several channels, or another length, see `as_returned`.
    """
    x, rate = read(path)
    if x.shape[1] != 1:
        raise ValueError(f"{path.name}: expected one channel, found {x.shape[1]}; write one")
    n_expected = round(n_samples * rate / sample_rate)
    enhanced = as_returned(np.ascontiguousarray(x[:, 0]), n_expected, rate, path.name)
    return as_returned(resample(enhanced, rate, sample_rate), n_samples, sample_rate, path.name)


def as_returned(enhanced: np.ndarray, n_samples: int, sample_rate: int, name: str) -> np.ndarray:
    """Give a result the length of its input: at most 50 ms are cut off or filled with zeros at its end.

    Raises
    ------
    ValueError
        If more is missing or too much, or samples are NaN or infinite.

    Examples
    --------
    >>> as_returned(np.ones(3), 4, 16_000, "mine")
    array([1., 1., 1., 0.])
    """
    if enhanced.ndim != 1 or abs(len(enhanced) - n_samples) > TOLERANCE_SECONDS * sample_rate:
        raise ValueError(
            f"{name} returned the shape {enhanced.shape} for {n_samples} samples at {sample_rate} Hz; "
            "it must keep the length to 50 ms"
        )
    if not np.isfinite(enhanced).all():
        raise ValueError(f"{name} returned NaN or infinite samples")
    return np.pad(enhanced, (0, max(n_samples - len(enhanced), 0)))[:n_samples]
