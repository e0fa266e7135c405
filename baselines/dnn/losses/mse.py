"""Mean squared error of the outputs."""

from collections.abc import Callable
from typing import Any

import torch

from percepkit.baselines.dnn.losses._masked import masked_mean

__all__ = ["DOMAIN", "mse", "start"]

DOMAIN = "outputs"


def mse(estimate: torch.Tensor, target: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Mean over valid entries of (estimate - target)^2."""
    return masked_mean((estimate - target) ** 2, valid)


def start(**_: Any) -> Callable[..., torch.Tensor]:
    """The loss; it takes any heads at any rate."""
    return mse
