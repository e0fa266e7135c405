"""Logarithm of each item's mean squared error: items at any SNR pull alike.

References
----------
J. Heitkaemper et al., "Demystifying TasNet: a dissecting approach", ICASSP 2020 (log-MSE); used on spectra by the
denoisers of RongCloud.
"""

from collections.abc import Callable
from typing import Any

import torch

__all__ = ["DOMAIN", "log_mse", "start"]

DOMAIN = "outputs"
FLOOR = 1e-8  # an item that is met exactly must not pull without end


def log_mse(estimate: torch.Tensor, target: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Mean over items of 10 lg(mean squared error + 1e-8), in dB; items without a valid entry do not count."""
    axes = tuple(range(1, estimate.ndim))
    count = valid.sum(axes)
    error = torch.where(valid, (estimate - target) ** 2, 0.0).sum(axes) / count.clamp(min=1)
    level_db = 10 * torch.log10(error + FLOOR)
    return torch.where(count > 0, level_db, 0.0).sum() / (count > 0).sum().clamp(min=1)


def start(**_: Any) -> Callable[..., torch.Tensor]:
    """The loss; it takes any heads at any rate."""
    return log_mse
