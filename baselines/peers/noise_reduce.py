"""Spectral gating of the package noisereduce: aligned, at any sample rate.

References
----------
T. Sainburg, M. Thielk, T. Gentner, "Finding, visualizing, and quantifying latent structure across diverse animal
vocal repertoires", PLoS Computational Biology 16, 2020.
"""

import numpy as np

from percepkit.baselines.denoiser import Spec
from percepkit.baselines.peers._peer import Peer, Process

__all__ = ["DENOISERS"]

PAPER = "Sainburg et al. 2020"


def _process(*, stationary: bool) -> Process:
    def process(noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        import noisereduce

        with np.errstate(all="ignore"):  # silence is divided by silence
            return np.nan_to_num(noisereduce.reduce_noise(noisy, sample_rate, stationary=stationary))

    return process


DENOISERS = (
    Peer(
        Spec(name="peer-noisereduce", summary="Spectral gating of noisereduce.", paper=PAPER),
        "noisereduce",
        _process(stationary=False),
    ),
    Peer(
        Spec(
            name="peer-noisereduce-stationary",
            summary="Spectral gating of noisereduce with one threshold per band.",
            paper=PAPER,
        ),
        "noisereduce",
        _process(stationary=True),
    ),
)
