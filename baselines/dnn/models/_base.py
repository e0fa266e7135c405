"""What networks are made of: heads, and layers that carry their past from frame to frame.

A layer's ``run(x, state)`` takes any number of frames and returns outputs and the state after them. Training runs
whole sequences from a state of zeros, inference one frame at a time: the same function.
"""

from abc import abstractmethod
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import nn

from percepkit.baselines.dnn.frames import Head

__all__ = ["CausalConv", "CausalModel", "Gru", "Heads", "State", "WholeModel"]

#: Tensors whose first axis is the batch.
State = tuple[torch.Tensor, ...]


class Heads(nn.Module):
    """Activation and scale of each head.

    Parameters
    ----------
    heads : tuple of Head
    """

    def __init__(self, heads: tuple[Head, ...]) -> None:
        super().__init__()
        self.heads, self.sizes = heads, [head.size for head in heads]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Bound the columns of ``x``."""
        parts = []
        for head, part in zip(self.heads, x.split(self.sizes, -1), strict=True):
            bounded = part if head.activation == "linear" else _ACTIVATIONS[head.activation](part)
            parts.append(bounded if head.scale == 1 else head.scale * bounded)
        return parts[0] if len(parts) == 1 else torch.cat(parts, -1)


_ACTIVATIONS = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "softplus": F.softplus}


class WholeModel(nn.Module):
    """A network that needs the whole signal."""

    causal: ClassVar[bool] = False
    look_ahead_frames: int = 0

    @abstractmethod
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs of all frames: (batch, frames, n_in) to (batch, frames, n_out)."""


class CausalModel(nn.Module):
    """A network that sees the past, and as many later frames as it says.

    Parameters
    ----------
    look_ahead_frames : int
        Frames of features after a frame that its output waits for.
    """

    causal: ClassVar[bool] = True

    def __init__(self, look_ahead_frames: int) -> None:
        super().__init__()
        if look_ahead_frames < 0:
            raise ValueError(f"look_ahead_frames is {look_ahead_frames}; use 0 for none")
        self.look_ahead_frames = look_ahead_frames

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs of all frames; rows of zeros stand in for the future of the last ones.

        Parameters
        ----------
        x : tensor, shape (batch, frames, n_in)

        Returns
        -------
        tensor, shape (batch, frames, n_out)
        """
        ahead = self.look_ahead_frames
        outputs, _ = self.run(F.pad(x, (0, 0, 0, ahead)), self.initial_state(len(x)))
        return outputs[:, ahead:]

    def step(self, x: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        """One frame: the output of the frame ``look_ahead_frames`` before.

        Parameters
        ----------
        x : tensor, shape (batch, n_in)
        state : tuple of tensors
            Of `initial_state` or the last step.

        Returns
        -------
        tensor, shape (batch, n_out), and the state after it
            The first ``look_ahead_frames`` outputs lie before the signal.
        """
        outputs, state = self.run(x[:, None], state)
        return outputs[:, 0], state

    @abstractmethod
    def initial_state(self, batch: int) -> State:
        """State before the first frame: zeros."""

    @abstractmethod
    def run(self, x: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        """Outputs of consecutive frames, not shifted, and the state after them."""

    def zeros(self, *shape: int) -> torch.Tensor:
        """Zeros on the device and in the precision of the weights."""
        like = next(self.parameters())
        return torch.zeros(shape, dtype=like.dtype, device=like.device)


class Gru(nn.GRU):
    """Gated recurrent unit whose single frames are plain matrix products, which quantisers know.

    Parameters
    ----------
    n_in, n_out : int
    """

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__(n_in, n_out, batch_first=True)

    def run(self, x: torch.Tensor, hidden: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """From (batch, frames, n_in) and the last hidden, (batch, n_out)."""
        if x.shape[1] != 1:
            y, last = self(x, hidden[None].contiguous())
            return y, last[0]
        new_reset, new_update, new = F.linear(x[:, 0], self.weight_ih_l0, self.bias_ih_l0).chunk(3, -1)
        old_reset, old_update, old = F.linear(hidden, self.weight_hh_l0, self.bias_hh_l0).chunk(3, -1)
        update = torch.sigmoid(new_update + old_update)
        candidate = torch.tanh(new + torch.sigmoid(new_reset + old_reset) * old)
        hidden = candidate + update * (hidden - candidate)
        return hidden[:, None], hidden


class CausalConv(nn.Linear):
    """Convolution over frames that sees the past only, as a matrix product; its state are the last rows.

    Parameters
    ----------
    n_in, n_out : int
    width : int
        Frames.
    """

    def __init__(self, n_in: int, n_out: int, width: int) -> None:
        super().__init__(n_in * width, n_out)
        self.n_in, self.past = n_in, width - 1

    def run(self, x: torch.Tensor, past: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """From (batch, frames, n_in) and the last rows, (batch, width - 1, n_in)."""
        frames = x.shape[1]
        rows = torch.cat([past, x], 1)
        windows = torch.cat([rows[:, lag : lag + frames] for lag in range(self.past + 1)], -1)
        return self(windows), rows[:, frames:]
