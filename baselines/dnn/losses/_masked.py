"""Averages over what is valid."""

import torch

__all__ = ["masked_mean"]


def masked_mean(values: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Mean of the valid values, 0 if there are none."""
    return torch.where(valid, values, 0.0).sum() / valid.sum().clamp(min=1)
