"""Wiener filter with the decision-directed estimate of the a-priori SNR.

References
----------
P. Scalart and J. V. Filho, "Speech enhancement based on a priori signal to noise estimation", ICASSP 1996.
Y. Ephraim and D. Malah, "Speech enhancement using a minimum mean-square error short-time spectral amplitude
estimator", IEEE Trans. Acoust., Speech, Signal Process. 32(6), 1984: the decision-directed estimate, eq. 51.
"""

import numpy as np

from percepkit.baselines.decision_directed import DecisionDirected
from percepkit.baselines.denoiser import Spec
from percepkit.baselines.suppression import Suppressor

__all__ = ["DENOISERS", "DecisionDirectedWiener"]

PAPER = "Scalart, Filho 1996"


class DecisionDirectedWiener(DecisionDirected):
    """Gain law: G = xi / (1 + xi)."""

    xi_min = 0.1 / 0.9  # -9.5 dB: the gain never falls below 0.1 (-20 dB), so that what is left stays even

    @staticmethod
    def curve(xi: np.ndarray, gamma: np.ndarray) -> np.ndarray:
        """Wiener's gain, which needs xi alone."""
        return xi / (1 + xi)


def _named(name: str, estimator: str, summary: str) -> Suppressor:
    return Suppressor(Spec(name=name, summary=summary, paper=PAPER), DecisionDirectedWiener, estimator)


DENOISERS = (
    _named("wiener", "spp", "Wiener filter with decision-directed a-priori SNR."),
    _named("wiener-leading", "leading", "Wiener filter, noise from pauses that a detector finds."),
    _named("wiener-minimum", "minimum", "Wiener filter, noise by minimum statistics."),
)
