"""Minimum mean-square error estimate of the short-time spectral amplitude (MMSE-STSA).

References
----------
Y. Ephraim and D. Malah, "Speech enhancement using a minimum mean-square error short-time spectral amplitude
estimator", IEEE Trans. Acoust., Speech, Signal Process. 32(6), 1984.
"""

import numba
import numpy as np

from percepkit.baselines.decision_directed import DecisionDirected
from percepkit.baselines.denoiser import Spec
from percepkit.baselines.suppression import Suppressor
from percepkit.dsp.special import i0e, i1e

__all__ = ["DENOISERS", "MmseStsa", "stsa_gain"]


@numba.vectorize(cache=True)  # type: ignore[no-untyped-call]
def stsa_gain(xi: float, gamma: float) -> float:
    """Gain from a-priori and a-posteriori SNR (eq. 7), numbers or arrays; not limited to 1.

    Examples
    --------
    >>> round(float(stsa_gain(1.0, 2.0)), 4)
    0.641
    """
    v = xi / (1 + xi) * gamma
    bessel = (1 + v) * i0e(v / 2) + v * i1e(v / 2)
    return 0.5 * np.sqrt(np.pi * v) / gamma * bessel


class MmseStsa(DecisionDirected):
    """Gain law of Ephraim and Malah 1984 with decision-directed xi."""

    curve = staticmethod(stsa_gain)


def _named(name: str, estimator: str, summary: str) -> Suppressor:
    return Suppressor(Spec(name=name, summary=summary, paper="Ephraim, Malah 1984"), MmseStsa, estimator)


DENOISERS = (
    _named("mmse-stsa", "spp", "MMSE estimate of the spectral amplitude."),
    _named(
        "mmse-stsa-minimum", "minimum", "MMSE estimate of the spectral amplitude, noise by minimum statistics."
    ),
)
