"""Noise suppression of WebRTC, by the package webrtc-noise-gain: 16 kHz, 16 bits."""

import numpy as np

from percepkit.baselines.denoiser import Spec
from percepkit.baselines.peers._peer import Peer, Process, from_integers, in_frames, to_integers

__all__ = ["DENOISERS"]

FRAME = 160
DELAY = 96  # 6 ms, measured
LEVELS = {2: "moderate", 4: "strongest"}


def _process(level: int) -> Process:
    def process(noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        from webrtc_noise_gain import AudioProcessor

        suppressor = AudioProcessor(0, level)
        return in_frames(
            to_integers(noisy), FRAME, lambda frame: from_integers(suppressor.Process10ms(frame.tobytes()).audio)
        )

    return process


def _peer(level: int) -> Peer:
    spec = Spec(
        name=f"peer-webrtc-{level}",
        summary=f"Noise suppression of WebRTC, level {level} of 4, {LEVELS[level]}.",
        paper="WebRTC audio processing module",
        native_sample_rates=(16_000,),
    )
    return Peer(spec, "webrtc_noise_gain", _process(level), delay_samples=DELAY, frame_samples=FRAME)


DENOISERS = tuple(_peer(level) for level in LEVELS)
