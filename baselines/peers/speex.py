"""Noise suppression of Speex, by the package speexdsp-ns: 16 bits; run at 16 kHz, in frames of 10 ms."""

import numpy as np

from percepkit.baselines.denoiser import Spec
from percepkit.baselines.peers._peer import Peer, from_integers, in_frames, to_integers

__all__ = ["DENOISERS"]

FRAME = 160


def _process(noisy: np.ndarray, sample_rate: int) -> np.ndarray:
    from speexdsp_ns import NoiseSuppression

    suppressor = NoiseSuppression.create(FRAME, sample_rate)
    return in_frames(to_integers(noisy), FRAME, lambda frame: from_integers(suppressor.process(frame.tobytes())))


DENOISERS = (
    Peer(
        Spec(
            name="peer-speex",
            summary="Preprocessor of Speex.",
            paper="Valin 2006 (Speex)",
            native_sample_rates=(16_000,),
        ),
        "speexdsp_ns",
        _process,
        delay_samples=FRAME,
        frame_samples=FRAME,
    ),
)
