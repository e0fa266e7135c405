"""The U-Net that predicts a noise mask from the picture of a log spectrogram.

References
----------
O. Ronneberger et al., "U-Net", MICCAI 2015; V. Belz, "Speech-enhancement", 2019, for the widths and the use.
"""

import torch
import torch.nn.functional as F
from torch import nn

from percepkit.baselines.dnn.frames import Head
from percepkit.baselines.dnn.models._base import Heads, WholeModel

__all__ = ["Model"]

SLOPE = 0.01  # of the leaky rectifiers
DROPOUT = 0.5  # of the two deepest levels


class Model(WholeModel):
    """1.94 M weights; sees the whole signal.

    Parameters
    ----------
    n_in : int
        Features in a row, one a bin.
    heads : tuple of Head
        One, with as many columns.
    widths : tuple of int
        Channels of each level; a level halves frames and bins.
    """

    def __init__(
        self, *, n_in: int, heads: tuple[Head, ...], widths: tuple[int, ...] = (16, 32, 64, 128, 256)
    ) -> None:
        super().__init__()
        if len(heads) != 1 or heads[0].size != n_in:
            raise ValueError(
                f"unet maps one feature a bin to one column a bin, found {n_in} features and heads of "
                f"{', '.join(str(head.size) for head in heads)}; use log-magnitude features"
            )
        self.multiple = 2 ** (len(widths) - 1)
        self.down = nn.ModuleList(_pair(i, o) for i, o in zip((1, *widths), widths, strict=False))
        self.grow = nn.ModuleList(nn.Conv2d(o, i, 2) for i, o in zip(widths[-2::-1], widths[:0:-1], strict=True))
        self.up = nn.ModuleList(_pair(2 * i, i) for i in widths[-2::-1])
        self.last = nn.Sequential(nn.Conv2d(widths[0], 2, 3, padding=1), nn.LeakyReLU(SLOPE), nn.Conv2d(2, 1, 1))
        self.drop = nn.Dropout2d(DROPOUT)
        self.heads = Heads(heads)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs of all frames: (batch, frames, bins) to the same shape."""
        frames, bins = x.shape[1:]
        x = F.pad(x, (0, -bins % self.multiple, 0, -frames % self.multiple))[:, None]
        kept = []
        for level, pair in enumerate(self.down):
            x = pair(x if level == 0 else F.max_pool2d(x, 2))
            if level >= len(self.down) - 2:
                x = self.drop(x)
            kept.append(x)
        for grow, pair, skip in zip(self.grow, self.up, kept[-2::-1], strict=True):
            x = F.leaky_relu(grow(F.pad(F.interpolate(x, scale_factor=2.0), (0, 1, 0, 1))), SLOPE)
            x = pair(torch.cat([skip, x], 1))
        return self.heads(self.last(x)[:, 0, :frames, :bins])


def _pair(n_in: int, n_out: int) -> nn.Sequential:
    """Two convolutions over 3 x 3 neighbours."""
    layers = []
    for n in (n_in, n_out):
        layers += [nn.Conv2d(n, n_out, 3, padding=1), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers)
