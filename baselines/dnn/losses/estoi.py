"""Extended short-time objective intelligibility (ESTOI), turned round.

Computed at the rate of the signals instead of at 10 kHz, and silent frames of the spectrogram are left out instead
of being cut out of the signal; otherwise as published.

References
----------
J. Jensen, C. H. Taal, "An algorithm for predicting the intelligibility of speech masked by modulated noise
maskers", IEEE/ACM TASLP 24(11), 2016. As a loss: S.-W. Fu et al., "End-to-end waveform utterance enhancement for
direct evaluation metrics optimization", IEEE/ACM TASLP 26(9), 2018 (of STOI).
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch

__all__ = ["DOMAIN", "correlations", "start"]

DOMAIN = "signal"
FRAME_SECONDS = 0.0256
SEGMENT = 30  # frames, 384 ms
N_BANDS, LOWEST_HZ = 15, 150.0  # third octaves
DYNAMIC_RANGE = 1e-4  # of the loudest frame's energy; what is softer is silence
FAINT = 1e-5  # of the clean envelopes' root mean square: less variation correlates with nothing


def correlations(
    estimate: torch.Tensor, target: torch.Tensor, valid: torch.Tensor, *, sample_rate: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """ESTOI of each segment of 384 ms, and where there is one; both of shape (batch, segments)."""
    wanted, ours = (_frames(torch.where(valid, signal, 0.0), sample_rate) for signal in (target, estimate))
    energy = (wanted**2).sum(-1)
    spoken = energy > DYNAMIC_RANGE * energy.amax(-1, keepdim=True)
    order = torch.argsort(spoken.int(), dim=1, descending=True, stable=True)  # what is spoken first, in its order
    waves, bands = (
        torch.tensor(table, dtype=target.dtype, device=target.device) for table in _tables(sample_rate)
    )
    envelopes = [_envelopes(frames, waves, bands) for frames in (wanted, ours)]
    level = (envelopes[0] ** 2).mean((1, 2), keepdim=True).sqrt() + torch.finfo(target.dtype).tiny
    units = [_units(torch.take_along_dim(rows / level, order[..., None], 1)) for rows in envelopes]
    found = (units[0] * units[1]).sum(2).mean(-1)
    last = torch.arange(found.shape[1], device=order.device) + SEGMENT
    return found, last <= spoken.sum(1, keepdim=True)


def _frames(signal: torch.Tensor, sample_rate: int) -> torch.Tensor:
    """Windowed, half-overlapping frames, (batch, frames, samples); as many as at least one segment has."""
    n = _frame_length(sample_rate)
    short = (SEGMENT + 1) * n // 2 - signal.shape[-1]
    window = torch.hann_window(n + 2, periodic=False, dtype=signal.dtype, device=signal.device)[1:-1]
    return torch.nn.functional.pad(signal, (0, max(short, 0))).unfold(-1, n, n // 2) * window


def _envelopes(frames: torch.Tensor, waves: torch.Tensor, bands: torch.Tensor) -> torch.Tensor:
    """Third-octave envelopes, (batch, frames, bands), by the tables of `_tables`."""
    real, imaginary = (frames @ waves).chunk(2, -1)  # few bins are needed: quicker than a fast transform's slope
    return ((real**2 + imaginary**2) @ bands + 1e-12).sqrt()


def _units(envelopes: torch.Tensor) -> torch.Tensor:
    """Segments, (batch, segments, bands, frames), whose rows, then columns have no mean and unit norm."""
    segments = envelopes.unfold(1, SEGMENT, 1)
    for dim in (3, 2):
        segments = segments - segments.mean(dim, keepdim=True)
        segments = segments / ((segments**2).sum(dim, keepdim=True) + FAINT**2).sqrt()
    return segments


def _frame_length(sample_rate: int) -> int:
    return round(FRAME_SECONDS * sample_rate / 2) * 2


@lru_cache(maxsize=8)
def _tables(sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples to the real, then imaginary parts of bins, and bins to bands, whose edges are rounded to bins."""
    n = _frame_length(sample_rate)
    n_fft = 1 << (2 * n - 1).bit_length()  # bins fine enough for the low bands
    edges_hz = LOWEST_HZ * 2.0 ** ((2 * np.arange(N_BANDS + 1) - 1) / 6)
    edges = np.rint(edges_hz * n_fft / sample_rate)
    bins = np.arange(edges[0], edges[-1])
    waves = np.exp(-2j * np.pi / n_fft * np.arange(n)[:, None] * bins)
    bands = (bins[:, None] >= edges[:-1]) & (bins[:, None] < edges[1:])
    return np.hstack([waves.real, waves.imag]), bands.astype(float)


def start(*, sample_rate: int, **_: Any) -> Callable[..., torch.Tensor]:
    """The loss at a sample rate of at least 10 kHz: 1 minus the mean over all segments of the batch.

    Raises
    ------
    ValueError
        For lower sample rates.
    """
    if sample_rate < 10_000:
        raise ValueError(f"estoi needs a sample rate of at least 10000 Hz, found {sample_rate}")

    def loss(estimate: torch.Tensor, target: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        found, there = correlations(estimate, target, valid, sample_rate=sample_rate)
        return 1 - torch.where(there, found, 0.0).sum() / there.sum().clamp(min=1)

    return loss
