"""What a denoiser costs: processor time, latency, and the size of its network."""

import math
import resource
import time

import numpy as np

from percepkit.audio.files import read
from percepkit.audio.resampling import resample
from percepkit.baselines.denoiser import Denoiser, Oracle
from percepkit.baselines.enhance_files import enhance_channel
from percepkit.dsp.draws import key_of, normal_samples
from percepkit.manifests.demo import demo_folder

__all__ = ["SIZES", "cost_percent", "latency_ms", "processor_seconds", "sizes", "speech_in_noise"]

#: What denoisers may tell of themselves: weights, multiplications with addition a second, the file's size in MB.
SIZES = ("parameters", "macs_per_second", "file_mb")

WARM_SECONDS = 0.5  # of audio: compiled code is loaded before the clock starts
SNR_DB = 5.0


def cost_percent(found: Denoiser | Oracle, sample_rate: int, *, seconds: float = 3.0) -> float:
    """Measure the processor time of a whole signal, in percent of its duration: its share of one core.

    Parameters
    ----------
    found : Denoiser or Oracle
        An oracle is told the stems of the item.
    sample_rate : int
        In Hz; the time of a resampling to the denoiser's own rate is part of its cost.
    seconds : float
        Length of the signal, `speech_in_noise`.

    Returns
    -------
    float
        100 is what one core can do in real time. Measured here and now: another run gives another value.
    """
    stems = speech_in_noise(sample_rate, seconds)
    processor_seconds(
        found, {n: stem[: round(WARM_SECONDS * sample_rate)] for n, stem in stems.items()}, sample_rate
    )
    return 100 * processor_seconds(found, stems, sample_rate) / seconds


def processor_seconds(found: Denoiser | Oracle, stems: dict[str, np.ndarray], sample_rate: int) -> float:
    """Processor time of one run on an item, that of programs it starts included."""
    started = _processor_seconds()
    denoiser = found.for_item(stems, sample_rate) if isinstance(found, Oracle) else found
    enhance_channel(stems["noisy"], sample_rate, denoiser)
    return _processor_seconds() - started


def _processor_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def speech_in_noise(sample_rate: int, seconds: float) -> dict[str, np.ndarray]:
    """Speech of the embedded corpus, repeated, in white noise: always the same item.

    Returns
    -------
    dict of float32 array, shape (n_samples,)
        "clean", "speech", "noise" and "noisy".
    """
    path = sorted((demo_folder() / "speech").rglob("*.flac"))[0]
    recorded, rate = read(path, channel=0)
    n_samples = round(seconds * sample_rate)
    speech = np.resize(resample(recorded, rate, sample_rate), n_samples).astype(np.float64)
    noise = normal_samples(key_of("cost"), n_samples)
    noise *= np.sqrt(np.mean(speech**2) / np.mean(noise**2)) * 10 ** (-SNR_DB / 20)
    stems = {"clean": speech, "speech": speech, "noise": noise, "noisy": speech + noise}
    return {name: stem.astype(np.float32) for name, stem in stems.items()}


def latency_ms(denoiser: Denoiser, sample_rate: int) -> float:
    """Delay of its stream at the native rate next to ``sample_rate``, in ms; NaN if it needs the whole signal."""
    rates = denoiser.spec.native_sample_rates
    rate = sample_rate if rates is None else min(rates, key=lambda own: abs(own - sample_rate))
    latency = 1000 * denoiser.latency_samples(rate) / rate
    return latency if denoiser.spec.causal or latency else math.nan


def sizes(denoiser: object) -> dict[str, float]:
    """Those of `SIZES` that a denoiser has as attributes; NaN for the others."""
    return {name: float(getattr(denoiser, name, math.nan)) for name in SIZES}
