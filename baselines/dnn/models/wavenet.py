"""Feed-forward WaveNet with a post-net: waveform to waveform, both ways in time.

References
----------
J. Su et al., "HiFi-GAN: high-fidelity denoising and dereverberation based on speech deep features in adversarial
networks", Interspeech 2020: two stacks of ten dilated layers, 128 channels, and twelve layers of width 32 after
it, which are added for the second stage of training. D. Rethage et al., "A WaveNet for speech denoising", 2018.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from percepkit.baselines.dnn.frames import Head
from percepkit.baselines.dnn.models._base import Heads, WholeModel

__all__ = ["Model"]


class Model(WholeModel):
    """7.9 M weights, 2.65 M of them without the post-net; a sample depends on 0.13 s to each side at 16 kHz.

    Parameters
    ----------
    n_in : int
        Samples in a row.
    heads : tuple of Head
        One, the waveform.
    channels, stacks, layers : int
        Of the WaveNet; dilations of a stack are 1, 2, 4, ... 2^(layers - 1).
    postnet_layers, postnet_width : int
        Layers of the post-net, 0 for none, and their width in samples.
    """

    def __init__(
        self,
        *,
        n_in: int,
        heads: tuple[Head, ...],
        channels: int = 128,
        stacks: int = 2,
        layers: int = 10,
        postnet_layers: int = 12,
        postnet_width: int = 32,
    ) -> None:
        super().__init__()
        if len(heads) != 1 or heads[0].size != n_in:
            raise ValueError(
                f"wavenet maps samples to as many samples, found {n_in} features and heads of "
                f"{', '.join(str(head.size) for head in heads)}; use waveform features and objective"
            )
        self.enter = nn.Conv1d(1, channels, 1)
        self.layers = nn.ModuleList(_Layer(channels, 2**i) for _ in range(stacks) for i in range(layers))
        self.leave = nn.Sequential(
            nn.ReLU(), nn.Conv1d(channels, channels, 1), nn.ReLU(), nn.Conv1d(channels, 1, 1)
        )
        widths = [1, *[channels] * (postnet_layers - 1), 1] if postnet_layers else []
        self.postnet = nn.ModuleList(nn.Conv1d(i, o, postnet_width) for i, o in pairwise(widths))
        self.heads = Heads(heads)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Enhanced hops from noisy ones: (batch, frames, hop) to the same shape."""
        signal = self.enter(x.flatten(1)[:, None])
        total = torch.zeros_like(signal)
        for layer in self.layers:
            signal, skip = layer(signal)
            total = total + skip
        y = self.leave(total)
        if len(self.postnet):
            y = y + self._refine(y)
        return self.heads(y.reshape(x.shape))

    def _refine(self, y: torch.Tensor) -> torch.Tensor:
        for index, conv in enumerate(self.postnet):
            width = conv.kernel_size[0]
            y = conv(F.pad(y, ((width - 1) // 2, width // 2)))
            if index < len(self.postnet) - 1:
                y = torch.tanh(y)
        return y


class _Layer(nn.Module):
    """Gated dilated convolution with a residual and a skip output."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, 2 * channels, 3, dilation=dilation, padding=dilation)
        self.out = nn.Conv1d(channels, 2 * channels, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Residual and skip signals of a signal."""
        content, gate = self.conv(x).chunk(2, 1)
        residual, skip = self.out(torch.tanh(content) * torch.sigmoid(gate)).chunk(2, 1)
        return x + residual, skip
