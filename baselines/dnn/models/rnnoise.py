"""The network of RNNoise: three small GRUs, for voice activity, the noise, and the gains.

References
----------
J.-M. Valin, "A hybrid DSP/deep learning approach to real-time full-band speech enhancement", MMSP 2018, figure 3.
"""

import torch
from torch import nn

from percepkit.baselines.dnn.frames import Head
from percepkit.baselines.dnn.models._base import CausalModel, Gru, Heads, State

__all__ = ["Model"]


class Model(CausalModel):
    """About 90 k weights for 46 features and 26 gains, those of 16 kHz.

    Parameters
    ----------
    n_in : int
        Features in a row.
    heads : tuple of Head
        One, or two of which the second is voice activity.
    widths : tuple of three int
        Units for voice activity, noise and gains.
    look_ahead_frames : int
        Frames that the output waits for; none in RNNoise.
    """

    def __init__(
        self,
        *,
        n_in: int,
        heads: tuple[Head, ...],
        widths: tuple[int, int, int] = (24, 48, 96),
        look_ahead_frames: int = 0,
    ) -> None:
        super().__init__(look_ahead_frames)
        if len(heads) > 2:
            raise ValueError(f"rnnoise has one or two heads, found {', '.join(head.name for head in heads)}")
        voice, noise, gains = widths
        self.entry = nn.Linear(n_in, voice)
        self.voice = Gru(voice, voice)
        self.noise = Gru(2 * voice + n_in, noise)
        self.denoise = Gru(voice + noise + n_in, gains)
        self.first = nn.Linear(gains, heads[0].size)
        self.second = nn.Linear(voice, heads[1].size) if len(heads) == 2 else None
        self.heads = Heads(heads)

    def initial_state(self, batch: int) -> State:
        """Hidden units of the three GRUs."""
        return tuple(self.zeros(batch, gru.hidden_size) for gru in (self.voice, self.noise, self.denoise))

    def run(self, x: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        """Outputs of consecutive frames."""
        entry = torch.tanh(self.entry(x))
        voice, first = self.voice.run(entry, state[0])
        noise, second = self.noise.run(torch.cat([entry, voice, x], -1), state[1])
        denoise, third = self.denoise.run(torch.cat([voice, noise, x], -1), state[2])
        outputs = self.first(denoise)
        if self.second is not None:
            outputs = torch.cat([outputs, self.second(voice)], -1)
        return self.heads(outputs), (first, second, third)
