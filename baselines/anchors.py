"""The upper anchor: the clean speech itself, scored as if a denoiser had made it.

Its scores are the ceilings of the metrics on the items at hand; those without an end (SI-SDR) have the status
``infinite`` there.
"""

import numpy as np

from percepkit.baselines._clean_oracle import CleanOracle
from percepkit.baselines.denoiser import Spec, as_float64

__all__ = ["DENOISERS", "silence"]


def _clean(clean: np.ndarray, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
    return clean.copy()


def silence(noisy: np.ndarray, sample_rate: int) -> np.ndarray:
    """Silence, the lower anchor: nothing but zeros; most metrics have no number for it, and say so.

    Examples
    --------
    >>> silence(np.ones(3), 16_000)
    array([0., 0., 0.])
    """
    return np.zeros_like(as_float64(noisy))


DENOISERS = (
    CleanOracle(
        Spec(
            name="clean",
            summary="The clean speech itself, the ceiling.",
            paper="ITU-R BS.1534, the hidden reference",
            needs="stems",
        ),
        _clean,
    ),
)
