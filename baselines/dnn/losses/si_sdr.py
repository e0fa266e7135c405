"""Scale-invariant signal-to-distortion ratio, turned round.

References
----------
J. Le Roux et al., "SDR - half-baked or well done?", ICASSP 2019; no mean is removed.
"""

from collections.abc import Callable
from typing import Any

import torch

__all__ = ["DOMAIN", "si_sdr_db", "start"]

DOMAIN = "signal"
LIMIT = 1e-6  # 60 dB: what is nearer is near enough, and what is farther, such as silence, far enough
FAINT = 1e-12  # of the target's energy: estimates below it count as silence


def si_sdr_db(estimate: torch.Tensor, target: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """SI-SDR of each item in dB, shape (batch,); from -60 (silence) to 60, and 0 where the target is silent."""
    estimate, target = torch.where(valid, estimate, 0.0), torch.where(valid, target, 0.0)
    energy = (target**2).sum(-1, keepdim=True)
    silent = energy == 0
    energy = torch.where(silent, 1.0, energy)
    wanted = (estimate * target).sum(-1, keepdim=True) / energy * target
    power, error = (wanted**2).sum(-1), ((estimate - wanted) ** 2).sum(-1)
    faint = FAINT * energy[:, 0]
    ratio_db = 10 * torch.log10((power + LIMIT * faint) / (error + LIMIT * power + faint))
    return torch.where(silent[:, 0], 0.0, ratio_db)


def _loss(estimate: torch.Tensor, target: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    heard = torch.where(valid, target, 0.0).any(-1)
    return -si_sdr_db(estimate, target, valid).sum() / heard.sum().clamp(min=1)


def start(**_: Any) -> Callable[..., torch.Tensor]:
    """The loss: minus the mean over items whose target is not silent."""
    return _loss
