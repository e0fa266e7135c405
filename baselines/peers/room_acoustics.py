"""The single-channel denoisers of pyroomacoustics, with the parameters that it proposes for 16 kHz.

They return one hop too late what goes into a window of two, and keep no promise about silence.

References
----------
R. Scheibler, E. Bezzam, I. Dokmanić, "Pyroomacoustics", ICASSP 2018.
"""

import numpy as np

from percepkit.baselines.denoiser import Spec
from percepkit.baselines.peers._peer import Peer, Process

__all__ = ["DENOISERS"]

FRAME = 512
SUBSPACE_FRAME = 256


def _process(function: str) -> Process:
    def process(noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        import pyroomacoustics.denoise

        with np.errstate(all="ignore"):  # silence is divided by silence
            return np.nan_to_num(np.asarray(getattr(pyroomacoustics.denoise, function)(noisy)))

    return process


def _peer(name: str, function: str, summary: str, paper: str, frame: int) -> Peer:
    spec = Spec(
        name=f"peer-pra-{name}",
        summary=f"{summary}, of pyroomacoustics.",
        paper=paper,
        native_sample_rates=(16_000,),
    )
    return Peer(spec, "pyroomacoustics", _process(function), delay_samples=frame // 2, frame_samples=frame // 2)


DENOISERS = (
    _peer("spectral-subtraction", "apply_spectral_sub", "Spectral subtraction", "Boll 1979", FRAME),
    _peer("iterative-wiener", "apply_iterative_wiener", "Iterative Wiener filter", "Lim, Oppenheim 1978", FRAME),
    _peer("subspace", "apply_subspace", "Subspace method", "Ephraim, Van Trees 1995", SUBSPACE_FRAME),
)
