"""Loss of PercepNet for echo control: differences of loudness, relative to the louder.

References
----------
J.-M. Valin et al., "Low-complexity, real-time joint neural echo control and speech enhancement based on
PercepNet", ICASSP 2021, equations 3 and 4: gamma = 0.3 takes power to loudness, lambda_4 = 10.
"""

from collections.abc import Callable
from typing import Any

import torch

from percepkit.baselines.dnn.frames import Head
from percepkit.baselines.dnn.losses._percepnet import FLOOR, band_loss

__all__ = ["DOMAIN", "gain_loss", "start"]

DOMAIN = "outputs"
LOUDNESS, FOURTH, TINY = 2 * 0.3, 10.0, 1e-6


def gain_loss(estimate: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """D + 10 D^2 with D = (g^2gamma - g^^2gamma)^2 / (max of both + epsilon), element by element."""
    ours, wanted = (gain.clamp(min=FLOOR) ** LOUDNESS for gain in (estimate, target))
    distance = (ours - wanted) ** 2 / (torch.maximum(ours, wanted) + TINY)
    return distance + FOURTH * distance**2


def start(*, heads: tuple[Head, ...], **_: Any) -> Callable[..., torch.Tensor]:
    """The loss of gains, and strengths and voice activity where there are any; means over valid bands."""
    return band_loss(gain_loss, heads)
