"""A light convolutional recurrent network on complex spectra.

Strided convolutions over frequency narrow the spectrum, causal ones over time and frequency with growing dilation
and GRUs along time, shared by all frequencies, work at the narrowest place, and what was strided is undone. Every
layer is a matrix product over the channels of a few neighbours, with channels last: quick to train on a CPU, and
known to quantisers. Nothing runs along frequency step by step, so that a frame is some dozens of products.

References
----------
K. Tan, D. Wang, "A convolutional recurrent neural network for real-time speech enhancement", Interspeech 2018.
X. Rong et al., "GTCRN: a speech enhancement model requiring ultralow computational resources", ICASSP 2024, whose
size it has, and whose recurrence along frequency it replaces.
"""

import torch
import torch.nn.functional as F
from torch import nn

from percepkit.baselines.dnn.frames import Head
from percepkit.baselines.dnn.models._base import CausalModel, Gru, Heads, State

__all__ = ["Model"]

STRIDES = (4, 2)
DILATIONS = (1, 2, 4)
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
        hidden: int = 48,
        look_ahead_frames: int = 0,
    ) -> None:
        super().__init__(look_ahead_frames)
        bins = n_in // 2
        if len(heads) != 1 or heads[0].size not in (bins, 2 * bins) or n_in % 2:
            raise ValueError(
                f"crn maps complex spectra to one head with 1 or 2 columns a bin, found {n_in} features and heads "
                f"of {', '.join(str(head.size) for head in heads)}; use compressed-complex features"
            )
        wide = -(-bins // STRIDES[0])
        self.bins, self.wide, self.narrow = bins, wide, -(-wide // STRIDES[1])
        self.channels, shallow = channels, channels // 2
        self.enter = _Down(3, shallow, STRIDES[0])
        self.down = _Down(shallow, channels, STRIDES[1])
        self.before = nn.ModuleList([_Block(channels, dilation) for dilation in DILATIONS])
        self.recurrent = nn.ModuleList([_Recurrent(channels, hidden, self.narrow) for _ in range(N_RECURRENT)])
        self.after = nn.ModuleList([_Block(channels, dilation) for dilation in reversed(DILATIONS)])
        self.up = _Up(channels, shallow, STRIDES[1])
        self.leave = _Up(shallow, heads[0].size // bins, STRIDES[0], last=True)
        self.heads = Heads(heads)

    def initial_state(self, batch: int) -> State:
        """Last frames of the blocks, and the hidden units of each frequency."""
        blocks = [self.zeros(batch, b.past, self.narrow, self.channels) for b in (*self.before, *self.after)]
        return (*blocks, *(self.zeros(batch, self.narrow, r.gru.hidden_size) for r in self.recurrent))

    def run(self, x: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        """Outputs of consecutive frames."""
        after: list[torch.Tensor] = []
        real, imaginary = x.split(self.bins, -1)
        first = self.enter(torch.stack([real, imaginary, (real**2 + imaginary**2 + 1e-12) ** 0.5], -1))
        second = x = self.down(first)
        layers = (*self.before, *self.after)
        for layer, past in zip(self.before, state, strict=False):
            x, past = layer.run(x, past)
            after.append(past)
        hiddens = []
        for recurrent, hidden in zip(self.recurrent, state[len(layers) :], strict=True):
            x, hidden = recurrent.run(x, hidden)
            hiddens.append(hidden)
        for layer, past in zip(self.after, state[len(self.before) : len(layers)], strict=True):
            x, past = layer.run(x, past)
            after.append(past)
        x = self.up(x + second)[:, :, : self.wide]
        x = self.leave(x + first)[:, :, : self.bins]
        return self.heads(x.transpose(2, 3).flatten(2)), (*after, *hiddens)


class _Down(nn.Module):
    """Joins neighbouring frequencies, `stride` at a time, seeing as many on either side."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.mix = nn.Linear(3 * stride * n_in, n_out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """From (batch, frames, bins, n_in) to (batch, frames, ceil(bins / stride), n_out)."""
        x = F.pad(x, (0, 0, 0, -x.shape[2] % self.stride))
        batch, frames, bins, channels = x.shape
        joined = x.reshape(batch, frames, bins // self.stride, self.stride * channels)
        return F.silu(self.mix(_neighbours(joined)))


class _Up(nn.Module):
    """Undoes `_Down`."""

    def __init__(self, n_in: int, n_out: int, stride: int, *, last: bool = False) -> None:
        super().__init__()
        self.n_out, self.last, self.mix = n_out, last, nn.Linear(3 * n_in, stride * n_out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """From (batch, frames, bins, n_in) to (batch, frames, bins * stride, n_out)."""
        x = self.mix(_neighbours(x))
        x = x.reshape(*x.shape[:2], -1, self.n_out)
        return x if self.last else F.silu(x)


class _Block(nn.Module):
    """Residual convolution over three frames, `dilation` apart, and three frequencies."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.dilation, self.past = dilation, 2 * dilation
        self.norm = nn.LayerNorm(channels)
        self.narrow, self.mix = nn.Linear(channels, channels), nn.Linear(5 * channels, channels)

    def run(self, x: torch.Tensor, past: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """From (batch, frames, bins, channels) and the frames before."""
        frames = x.shape[1]
        rows = torch.cat([past, self.norm(x)], 1)
        seen = [rows[:, lag : lag + frames] for lag in (0, self.dilation)]
        here = rows[:, self.past :]
        y = self.mix(torch.cat([*seen, _neighbours(here)], -1))
        return x + self.narrow(F.silu(y)), rows[:, frames:]


class _Recurrent(nn.Module):
    """Residual mixing of frequencies within a frame, then of frames at each frequency."""

    def __init__(self, channels: int, hidden: int, bins: int) -> None:
        super().__init__()
        self.groups, self.across = FREQUENCY_GROUPS, nn.LayerNorm(channels)
        self.mix = nn.Parameter(torch.randn(self.groups, bins, bins) / bins**0.5)
        self.mixed = nn.Linear(channels, channels)
        self.along, self.gru, self.back = (
            nn.LayerNorm(channels),
            Gru(channels, hidden),
            nn.Linear(hidden, channels),
        )

    def run(self, x: torch.Tensor, hidden: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """From (batch, frames, bins, channels) and the hidden units, (batch, bins, hidden)."""
        batch, frames, bins, channels = x.shape
        grouped = self.across(x).reshape(batch, frames, bins, self.groups, -1).permute(0, 1, 3, 2, 4)
        grouped = (self.mix @ grouped).permute(0, 1, 3, 2, 4).reshape(x.shape)
        x = x + self.mixed(F.silu(grouped))
        rows = self.along(x).transpose(1, 2).reshape(batch * bins, frames, channels)
        y, last = self.gru.run(rows, hidden.reshape(batch * bins, -1))
        y = self.back(y).reshape(batch, bins, frames, channels)
        return x + y.transpose(1, 2), last.reshape(batch, bins, -1)


def _neighbours(x: torch.Tensor) -> torch.Tensor:
    """Channels of the frequency below, of each frequency, and of the one above."""
    wide = F.pad(x, (0, 0, 1, 1))
    return torch.cat([wide[:, :, :-2], x, wide[:, :, 2:]], -1)
