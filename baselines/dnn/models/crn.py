"""A light convolutional recurrent network on complex spectra.

Strided convolutions over frequency, separable ones over time and frequency with growing dilation, and at the
narrowest place GRUs along time, shared by all frequencies, between dense layers along frequency. Nothing runs
along frequency step by step, so that a frame is some dozens of matrix products.

References
----------
K. Tan, D. Wang, "A convolutional recurrent neural network for real-time speech enhancement", Interspeech 2018.
X. Rong et al., "GTCRN: a speech enhancement model requiring ultralow computational resources", ICASSP 2024, whose
size it has, and whose recurrence along frequency it replaces.
"""

import torch
from torch import nn

from percepkit.baselines.dnn.frames import Head
from percepkit.baselines.dnn.models._base import CausalModel, Gru, Heads, State

__all__ = ["Model"]

DILATIONS = (1, 2, 5)
N_RECURRENT = 2
FREQUENCY_GROUPS = 4  # of channels that share a dense layer along frequency


class Model(CausalModel):
    """Fewer than 100 k weights for the 322 features of 16 kHz.

    Parameters
    ----------
    n_in : int
        Features in a row: real parts of all bins, then imaginary ones.
    heads : tuple of Head
        One, with one or two columns for each bin.
    channels, hidden : int
        Of the convolutions and the GRUs.
    look_ahead_frames : int
        Frames that the output waits for.
    """

    def __init__(
        self,
        *,
        n_in: int,
        heads: tuple[Head, ...],
        channels: int = 32,
        hidden: int = 40,
        look_ahead_frames: int = 0,
    ) -> None:
        super().__init__(look_ahead_frames)
        bins = n_in // 2
        if len(heads) != 1 or heads[0].size not in (bins, 2 * bins) or n_in % 2 or bins % 4 != 1:
            raise ValueError(
                f"crn maps complex spectra to one head with 1 or 2 columns a bin, found {n_in} features and heads "
                f"of {', '.join(str(head.size) for head in heads)}; use compressed-complex features"
            )
        self.bins, narrow = bins, (bins + 3) // 4
        self.down = nn.ModuleList([_Down(3, channels), _Down(channels, channels)])
        self.blocks = nn.ModuleList([_Block(channels, narrow, d) for d in (*DILATIONS, *reversed(DILATIONS))])
        self.recurrent = nn.ModuleList([_Recurrent(channels, hidden, narrow) for _ in range(N_RECURRENT)])
        self.up = nn.ModuleList([_Up(channels, channels), _Up(channels, heads[0].size // bins, last=True)])
        self.heads = Heads(heads)

    def initial_state(self, batch: int) -> State:
        """Last frames of the blocks, and the hidden units of each frequency."""
        blocks = [self.zeros(batch, b.channels, 2 * b.dilation, b.bins) for b in self.blocks]
        return (*blocks, *(self.zeros(batch, r.bins, r.gru.hidden_size) for r in self.recurrent))

    def run(self, x: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        """Outputs of consecutive frames."""
        after: list[torch.Tensor] = []
        real, imaginary = x.split(self.bins, -1)
        x = torch.stack([real, imaginary, (real**2 + imaginary**2 + 1e-12) ** 0.5], 1)
        skips = []
        for down in self.down:
            x = down(x)
            skips.append(x)
        half, n = len(DILATIONS), len(self.blocks)
        for block, past in zip(self.blocks[:half], state[:half], strict=True):
            x, past = block.run(x, past)
            after.append(past)
        hiddens = []
        for recurrent, hidden in zip(self.recurrent, state[n:], strict=True):
            x, hidden = recurrent.run(x, hidden)
            hiddens.append(hidden)
        for block, past in zip(self.blocks[half:], state[half:n], strict=True):
            x, past = block.run(x, past)
            after.append(past)
        for up, skip in zip(self.up, reversed(skips), strict=True):
            x = up(x + skip)
        return self.heads(x.transpose(1, 2).flatten(2)), (*after, *hiddens)


class _Down(nn.Sequential):
    """Halves the number of frequencies."""

    def __init__(self, n_in: int, n_out: int) -> None:
        conv = nn.Conv2d(n_in, n_out, (1, 5), stride=(1, 2), padding=(0, 2))
        super().__init__(conv, nn.BatchNorm2d(n_out), nn.PReLU(n_out))


class _Up(nn.Sequential):
    """Undoes `_Down`."""

    def __init__(self, n_in: int, n_out: int, *, last: bool = False) -> None:
        conv = nn.ConvTranspose2d(n_in, n_out, (1, 5), stride=(1, 2), padding=(0, 2))
        super().__init__(*([conv] if last else [conv, nn.BatchNorm2d(n_out), nn.PReLU(n_out)]))


class _Block(nn.Module):
    """Residual separable convolution over three frames and three frequencies."""

    def __init__(self, channels: int, bins: int, dilation: int) -> None:
        super().__init__()
        self.channels, self.bins, self.dilation = channels, bins, dilation
        self.enter = nn.Sequential(nn.Conv2d(channels, channels, 1), nn.BatchNorm2d(channels), nn.PReLU(channels))
        self.depth = nn.Conv2d(channels, channels, 3, dilation=(dilation, 1), padding=(0, 1), groups=channels)
        self.leave = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.PReLU(channels),
            nn.Conv2d(channels, channels, 1),
            nn.BatchNorm2d(channels),
        )

    def run(self, x: torch.Tensor, past: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """From (batch, channels, frames, bins) and the frames before."""
        rows = torch.cat([past, self.enter(x)], 2)
        return x + self.leave(self.depth(rows)), rows[:, :, rows.shape[2] - 2 * self.dilation :]


class _Recurrent(nn.Module):
    """Residual mixing of frequencies within a frame, then of frames at each frequency."""

    def __init__(self, channels: int, hidden: int, bins: int) -> None:
        super().__init__()
        self.bins, self.groups = bins, FREQUENCY_GROUPS
        self.mix = nn.Parameter(torch.randn(self.groups, bins, bins) / bins**0.5)
        self.mixed = nn.Sequential(nn.PReLU(channels), nn.Conv2d(channels, channels, 1), nn.BatchNorm2d(channels))
        self.gru = Gru(channels, hidden)
        self.back = nn.Linear(hidden, channels)
        self.norm = nn.LayerNorm(channels)

    def run(self, x: torch.Tensor, hidden: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """From (batch, channels, frames, bins) and the hidden units, (batch, bins, hidden)."""
        batch, channels, frames, bins = x.shape
        grouped = x.reshape(batch, self.groups, -1, bins) @ self.mix
        x = x + self.mixed(grouped.reshape(batch, channels, frames, bins))
        along = x.permute(0, 3, 2, 1).reshape(batch * bins, frames, channels)
        y, last = self.gru.run(along, hidden.reshape(batch * bins, -1))
        y = self.norm(self.back(y)).reshape(batch, bins, frames, channels)
        return x + y.permute(0, 3, 2, 1), last.reshape(batch, bins, -1)
