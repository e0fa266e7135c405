"""Perceptual metric for speech quality evaluation (PMSQE): PESQ's disturbances, frame by frame, with a slope.

PESQ's tables of bands and thresholds are replaced by Traunmueller's Bark scale and Terhardt's threshold in quiet,
and nothing is aligned in time. So it follows PESQ, and does not reproduce it.

References
----------
J. M. Martin-Donas et al., "A deep learning loss function based on the perceptual evaluation of the speech
quality", IEEE Signal Process. Lett. 25, 2018. ITU-T P.862, sections 10.2.1 to 10.2.10.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch

__all__ = ["DOMAIN", "disturbance", "start"]

DOMAIN = "signal"
FRAME_SECONDS = 0.032
N_BANDS, TOP_HZ = 49, 8000.0
ALIGNED_HZ, ALIGNED_POWER = (350.0, 3250.0), 1e7
LISTENING_DB = 79.0  # sound pressure level that ALIGNED_POWER stands for
POWER_LAW, LOUDNESS_SCALE = 0.23, 0.1866  # Zwicker's law; sone, as in P.862
EQUALISED = (0.01, 100.0)  # bounds of the reference's linear filter, 20 dB of power
GAINS, GAIN_FLOOR = (3e-4, 5.0), 5e3
DEAD_ZONE = 0.25
ASYMMETRY, ASYMMETRY_FLOOR, ASYMMETRY_BOUNDS = 1.2, 50.0, (3.0, 12.0)
EMPHASIS, EMPHASIS_FLOOR = 0.04, 1e5  # loud frames count a little less
SYMMETRIC_WEIGHT, ASYMMETRIC_WEIGHT = 0.1, 0.0309
AUDIBLE = 1e4  # frames of more power set the filter


def disturbance(
    estimate: torch.Tensor, target: torch.Tensor, valid: torch.Tensor, *, sample_rate: int
) -> torch.Tensor:
    """Disturbance of each item, shape (batch,): 0 for the target itself; PESQ falls by about as much."""
    bark, threshold, width = (
        torch.tensor(table, dtype=target.dtype, device=target.device) for table in _tables(sample_rate)
    )
    power = [_power(torch.where(valid, signal, 0.0), sample_rate) for signal in (target, estimate)]
    reference, degraded = (_align(spectrum, sample_rate) @ bark for spectrum in power)
    reference = reference * _linear_filter(reference, degraded)
    degraded = degraded * _gains(reference, degraded)
    wanted, ours = (_loudness(bands, threshold) for bands in (reference, degraded))
    difference = (ours - wanted).abs()
    audible = (difference - DEAD_ZONE * torch.minimum(ours, wanted)).clamp(min=0)
    factor = ((degraded + ASYMMETRY_FLOOR) / (reference + ASYMMETRY_FLOOR)) ** ASYMMETRY
    factor = torch.where(factor < ASYMMETRY_BOUNDS[0], 0.0, factor.clamp(max=ASYMMETRY_BOUNDS[1]))
    symmetric = (((audible * width) ** 2).sum(-1) * width.sum() + 1e-12).sqrt()
    asymmetric = (audible * factor * width).sum(-1)
    total = reference.sum(-1)
    emphasis = ((total + EMPHASIS_FLOOR) / ALIGNED_POWER) ** EMPHASIS
    frames = (SYMMETRIC_WEIGHT * symmetric + ASYMMETRIC_WEIGHT * asymmetric) / emphasis
    return frames.mean(-1)


def _power(signal: torch.Tensor, sample_rate: int) -> torch.Tensor:
    """Power spectra of half-overlapping frames; a frame's bins sum to its mean power."""
    n = round(FRAME_SECONDS * sample_rate / 2) * 2
    window = torch.hann_window(n, dtype=signal.dtype, device=signal.device)
    frames = torch.nn.functional.pad(signal, (0, -signal.shape[-1] % (n // 2) + n // 2)).unfold(-1, n, n // 2)
    spectrum = torch.fft.rfft(frames * window)
    return (spectrum.real**2 + spectrum.imag**2) * (2 / (n * (window**2).sum()))


def _align(power: torch.Tensor, sample_rate: int) -> torch.Tensor:
    """Bring an item to the listening level, by its mean power between 350 and 3250 Hz."""
    hz = torch.linspace(0, sample_rate / 2, power.shape[-1], dtype=power.dtype, device=power.device)
    speech = power * ((hz > ALIGNED_HZ[0]) & (hz < ALIGNED_HZ[1]))
    level = speech.sum(-1).mean(-1)[:, None, None]
    return power * (ALIGNED_POWER / (level + 1e-12))


def _linear_filter(reference: torch.Tensor, degraded: torch.Tensor) -> torch.Tensor:
    """What a linear filter, which listeners hardly mind, made of the reference's long-term spectrum."""
    active = (reference.sum(-1, keepdim=True) > AUDIBLE).to(reference.dtype)
    ratio = ((degraded * active).sum(1, keepdim=True) + 1e3) / ((reference * active).sum(1, keepdim=True) + 1e3)
    return ratio.clamp(*EQUALISED)


def _gains(reference: torch.Tensor, degraded: torch.Tensor) -> torch.Tensor:
    """Slow changes of gain, undone: the ratio of powers over frames, smoothed by its last value."""
    ratio = (reference.sum(-1, keepdim=True) + GAIN_FLOOR) / (degraded.sum(-1, keepdim=True) + GAIN_FLOOR)
    smooth = torch.cat([ratio[:, :1], 0.2 * ratio[:, :-1] + 0.8 * ratio[:, 1:]], 1)
    return smooth.clamp(*GAINS)


def _loudness(bands: torch.Tensor, threshold: torch.Tensor) -> torch.Tensor:
    """Zwicker's law in sone per Bark; nothing below the threshold in quiet."""
    base = LOUDNESS_SCALE * (threshold / 0.5) ** POWER_LAW
    return base * ((0.5 + 0.5 * bands / threshold).clamp(min=1) ** POWER_LAW - 1)


@lru_cache(maxsize=8)
def _tables(sample_rate: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bins to bands, threshold of hearing of each band as a power, and its width in Bark."""
    n = round(FRAME_SECONDS * sample_rate / 2) * 2
    hz = np.arange(n // 2 + 1) * sample_rate / n
    top_hz = min(TOP_HZ, sample_rate / 2)
    bark = 26.81 * hz / (1960 + hz) - 0.53
    top = 26.81 * top_hz / (1960 + top_hz) - 0.53
    edges = np.linspace(-0.53, top, N_BANDS + 1)
    member = (bark[:, None] >= edges[:-1]) & (bark[:, None] < edges[1:]) & (hz > 0)[:, None]
    used = member.any(axis=0)  # the narrowest bands may hold no bin
    centre = 0.5 * (edges[:-1] + edges[1:])[used]
    khz = 1.96 * (centre + 0.53) / (26.28 - centre)
    quiet_db = 3.64 * khz**-0.8 - 6.5 * np.exp(-0.6 * (khz - 3.3) ** 2) + 1e-3 * khz**4
    threshold = ALIGNED_POWER * 10 ** ((quiet_db - LISTENING_DB) / 10)
    return member[:, used].astype(float), threshold, np.full(len(centre), edges[1] - edges[0])


def start(*, sample_rate: int, **_: Any) -> Callable[..., torch.Tensor]:
    """The loss at a sample rate of at least 8 kHz: the mean over items."""

    def loss(estimate: torch.Tensor, target: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        return partial(disturbance, sample_rate=sample_rate)(estimate, target, valid).mean()

    return loss
