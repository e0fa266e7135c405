"""The anchors: the clean speech itself and silence, scored as if denoisers had made them.

The clean speech's scores are the ceilings of the metrics on the items at hand; those without an end (SI-SDR) have
the status ``infinite`` there. Silence has no number at all, and whoever gives it one is found out.
"""

import numpy as np

from percepkit.baselines._clean_oracle import CleanOracle
from percepkit.baselines.denoiser import Spec, as_float64

__all__ = ["DENOISERS", "Silence"]


def _clean(clean: np.ndarray, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
    return clean.copy()


class Silence:
    """The lower anchor: nothing but zeros.

    Examples
    --------
    >>> Silence()(np.ones(3), 16_000)
    array([0., 0., 0.])
    """

    spec = Spec(name="silence", summary="Silence, the floor.", paper="ITU-R BS.1534, an anchor")

    def __call__(self, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        """Mute one channel; see `percepkit.baselines.denoiser.Denoiser`."""
        as_float64(noisy)
        return np.zeros_like(noisy)

    def latency_samples(self, sample_rate: int) -> int:
        """Zero: nothing is waited for."""
        return 0


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
    Silence(),
)
