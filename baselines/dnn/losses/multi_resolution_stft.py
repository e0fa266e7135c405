"""Distance of magnitude spectra at three resolutions.

References
----------
R. Yamamoto et al., "Parallel WaveGAN", ICASSP 2020: spectral convergence and log magnitude, windows of 10, 25 and
50 ms, here a fifth of a window apart.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

__all__ = ["DOMAIN", "WINDOW_SECONDS", "multi_resolution_stft", "start"]

DOMAIN = "signal"
WINDOW_SECONDS = (0.01, 0.025, 0.05)
HOPS_PER_WINDOW = 5
FLOOR = 1e-7  # of squared magnitudes


def multi_resolution_stft(
    estimate: torch.Tensor, target: torch.Tensor, valid: torch.Tensor, *, sample_rate: int
) -> torch.Tensor:
    """Mean over resolutions of the spectral convergence and of the mean difference of log magnitudes."""
    signals = torch.where(valid, estimate, 0.0), torch.where(valid, target, 0.0)
    total = estimate.new_zeros(())
    for seconds in WINDOW_SECONDS:
        n = round(seconds * sample_rate)
        ours, wanted = (_magnitude(signal, n) for signal in signals)
        distance = torch.linalg.vector_norm(wanted - ours, dim=(1, 2))
        convergence = distance / torch.linalg.vector_norm(wanted, dim=(1, 2))
        total = total + convergence.mean() + (ours.log() - wanted.log()).abs().mean()
    return total / len(WINDOW_SECONDS)


def _magnitude(signal: torch.Tensor, n: int) -> torch.Tensor:
    window = torch.hann_window(n, dtype=signal.dtype, device=signal.device)
    spectrum = torch.stft(
        signal, n, hop_length=n // HOPS_PER_WINDOW, window=window, pad_mode="constant", return_complex=True
    )
    return (spectrum.real**2 + spectrum.imag**2 + FLOOR).sqrt()


def start(*, sample_rate: int, **_: Any) -> Callable[..., torch.Tensor]:
    """The loss at a sample rate."""
    return partial(multi_resolution_stft, sample_rate=sample_rate)
