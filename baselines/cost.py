"""What a denoiser costs: its share of one processor core in real time."""

import time

import numpy as np

from percepkit.baselines.denoiser import Denoiser, Oracle
from percepkit.dsp.draws import key_of, normal_samples

__all__ = ["cost_percent"]

WARM_SECONDS = 0.5  # of audio: compiled code is loaded before the clock starts


def cost_percent(found: Denoiser | Oracle, sample_rate: int, *, seconds: float = 3.0) -> float:
    """Measure the processor time of a whole signal, in percent of its duration.

    Parameters
    ----------
    found : Denoiser or Oracle
        An oracle is told the stems of a made-up item.
    sample_rate : int
        In Hz.
    seconds : float
        Length of the made-up signal: white noise that comes and goes, in white noise.

    Returns
    -------
    float
        100 is what one core can do in real time. Measured here and now: another run gives another value.
    """
    stems = _item(round(seconds * sample_rate), sample_rate)
    warm = {name: stem[: round(WARM_SECONDS * sample_rate)] for name, stem in stems.items()}
    spent = 0.0
    for item in (warm, stems):
        started = time.process_time()
        denoiser = found.for_item(item, sample_rate) if isinstance(found, Oracle) else found
        denoiser(item["noisy"], sample_rate)
        spent = time.process_time() - started
    return 100 * spent / seconds


def _item(n_samples: int, sample_rate: int) -> dict[str, np.ndarray]:
    swell = np.clip(np.sin(4 * np.pi * np.arange(n_samples) / sample_rate), 0, 1)
    clean = 0.05 * swell * normal_samples(key_of("cost", "clean"), n_samples)
    noise = 0.02 * normal_samples(key_of("cost", "noise"), n_samples)
    return {"clean": clean, "speech": clean, "noise": noise, "noisy": clean + noise}
