"""The peer: what a person writes in an afternoon with NumPy, SciPy and soundfile."""

from pathlib import Path

import numpy as np
import soundfile
from _plain_targets import targets
from _sources import Cut
from scipy.signal import fftconvolve

__all__ = ["render"]


def render(
    cuts: list[Cut], out: Path, seconds: float, *, dry_target: bool = False, with_targets: bool = False
) -> None:
    """Mix each and write noisy, clean and noise.

    With ``dry_target`` clean is moved and scaled to the room's highest peak, and the reverberant speech is
    written too; ``with_targets`` adds gains and strengths.
    """
    out.mkdir()
    rng = np.random.default_rng(0)
    for index, (speech_file, noise_file, room_file, snr_db) in enumerate(cuts):
        speech, rate = soundfile.read(speech_file)
        noise, _ = soundfile.read(noise_file)
        n = int(seconds * rate)
        start, noise_start = rng.integers(len(speech) - n + 1), rng.integers(len(noise) - n + 1)
        clean = speech[start : start + n]
        noise = noise[noise_start : noise_start + n]
        stem = clean
        if room_file is not None:
            room, _ = soundfile.read(room_file)
            stem = fftconvolve(clean, room)[:n]
            peak = np.argmax(np.abs(room))
            clean = room[peak] * np.concatenate([np.zeros(peak), clean[: n - peak]]) if dry_target else stem
        noise = noise * np.sqrt(np.mean(stem**2) / np.mean(noise**2) / 10 ** (snr_db / 10))
        noisy = stem + noise
        scale = 0.1 / np.sqrt(np.mean(noisy**2))
        scale = min(scale, 0.99 / np.abs(noisy).max())
        files = {"noisy": noisy, "clean": clean, "noise": noise}
        if dry_target:
            files["speech"] = stem
        for name, x in files.items():
            soundfile.write(out / f"{index:06d}.{name}.wav", x * scale, rate, subtype="PCM_16")
        if with_targets:
            for name, table in zip(("gains", "strengths"), targets(clean, noisy, rate), strict=True):
                np.save(out / f"{index:06d}.{name}.npy", table.astype(np.float32))
