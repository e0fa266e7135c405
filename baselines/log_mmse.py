"""Minimum mean-square error estimate of the log-spectral amplitude (log-MMSE).

References
----------
Y. Ephraim and D. Malah, "Speech enhancement using a minimum mean-square error log-spectral amplitude estimator",
IEEE Trans. Acoust., Speech, Signal Process. 33(2), 1985.
"""

import numba
import numpy as np

from percepkit.baselines.decision_directed import DecisionDirected
from percepkit.baselines.denoiser import Spec
from percepkit.baselines.suppression import Suppressor
from percepkit.dsp.special import exp1

__all__ = ["DENOISERS", "LogMmse", "log_mmse_gain"]


@numba.vectorize(cache=True)  # type: ignore[no-untyped-call]
def log_mmse_gain(xi: float, gamma: float) -> float:
    """Gain from a-priori and a-posteriori SNR (eq. 20), numbers or arrays; not limited to 1.

    Examples
    --------
    >>> round(float(log_mmse_gain(1.0, 2.0)), 4)
    0.558
    """
    wiener = xi / (1 + xi)
    return wiener * np.exp(0.5 * exp1(wiener * gamma))


class LogMmse(DecisionDirected):
    """Gain law of Ephraim and Malah 1985 with decision-directed xi."""

    curve = staticmethod(log_mmse_gain)


def _named(name: str, estimator: str, summary: str) -> Suppressor:
    return Suppressor(Spec(name=name, summary=summary, paper="Ephraim, Malah 1985"), LogMmse, estimator)


DENOISERS = (
    _named("log-mmse", "spp", "MMSE estimate of the log-spectral amplitude."),
    _named("log-mmse-leading", "leading", "Log-MMSE, noise from pauses that a detector finds."),
    _named("log-mmse-mcra", "mcra", "Log-MMSE, noise by minima-controlled recursive averaging."),
    _named("log-mmse-minimum", "minimum", "Log-MMSE, noise by minimum statistics."),
)
