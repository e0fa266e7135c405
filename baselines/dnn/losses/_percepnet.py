"""What the two PercepNet losses share: the heads, the strengths, and voice activity."""

from collections.abc import Callable

import torch

from percepkit.baselines.dnn.frames import Head
from percepkit.baselines.dnn.losses._masked import masked_mean

__all__ = ["band_loss"]

FLOOR = 1e-4  # keeps the slope of a root finite
ROOT = 0.5  # gamma of the strengths
VAD_WEIGHT = 0.001  # as in RNNoise v0.2
KNOWN = ("gains", "strengths", "vad")

GainLoss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def band_loss(
    gain_loss: GainLoss, heads: tuple[Head, ...]
) -> Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]:
    """Loss of all heads: gains by ``gain_loss`` element by element, strengths, voice activity."""
    names = [head.name for head in heads]
    if "gains" not in names or set(names) - set(KNOWN):
        raise ValueError(f"PercepNet's losses know the heads {', '.join(KNOWN)}, found {', '.join(names)}")
    by_name = {"gains": gain_loss, "strengths": _strength_loss, "vad": _vad_loss}

    def loss(estimate: torch.Tensor, target: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        total, sizes = estimate.new_zeros(()), [head.size for head in heads]
        parts = zip(names, *(tensor.split(sizes, -1) for tensor in (estimate, target, valid)), strict=True)
        for name, ours, wanted, counts in parts:
            total = total + masked_mean(by_name[name](ours, wanted), counts)
        return total

    return loss


def _strength_loss(estimate: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """((1 - r)^gamma - (1 - r^)^gamma)^2: what is left unfiltered matters."""
    left, wanted = ((1 - r).clamp(min=FLOOR) ** ROOT for r in (estimate, target))
    return (left - wanted) ** 2


def _vad_loss(estimate: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    p = estimate.clamp(FLOOR, 1 - FLOOR)
    return -VAD_WEIGHT * (target * p.log() + (1 - target) * (1 - p).log())
