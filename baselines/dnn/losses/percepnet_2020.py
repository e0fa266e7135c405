"""Loss of the first PercepNet: squared and fourth power of the difference of root gains, and of root strengths.

References
----------
J.-M. Valin et al., Interspeech 2020, section 4.2: gamma = 0.5, C4 = 10.
"""

from collections.abc import Callable
from typing import Any

import torch

from percepkit.baselines.dnn.frames import Head
from percepkit.baselines.dnn.losses._percepnet import FLOOR, band_loss

__all__ = ["DOMAIN", "gain_loss", "start"]

DOMAIN = "outputs"
ROOT, FOURTH = 0.5, 10.0


def gain_loss(estimate: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """(g^gamma - g^^gamma)^2 + 10 (g^gamma - g^^gamma)^4, element by element."""
    square = (estimate.clamp(min=FLOOR) ** ROOT - target.clamp(min=FLOOR) ** ROOT) ** 2
    return square + FOURTH * square**2


def start(*, heads: tuple[Head, ...], **_: Any) -> Callable[..., torch.Tensor]:
    """The loss of gains, and strengths and voice activity where there are any; means over valid bands."""
    return band_loss(gain_loss, heads)
