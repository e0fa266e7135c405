"""The network of PercepNet: two convolutions over frames, four GRUs for the gains and one more for the strengths.

References
----------
J.-M. Valin et al., Interspeech 2020, section 4; widths as two public implementations and the 8 M weights that the
paper counts agree on.
"""

import torch
from torch import nn

from percepkit.baselines.dnn.frames import Head
from percepkit.baselines.dnn.models._base import CausalConv, CausalModel, Gru, Heads, State

__all__ = ["Model"]


class Model(CausalModel):
    """PercepNet, 7.96 M weights for the 70 features and two heads of 34 at 48 kHz.

    Parameters
    ----------
    n_in : int
        Features in a row.
    heads : tuple of Head
        One, or two: the second (strengths) has a smaller GRU of its own.
    width : int
        Units of the convolutions and GRUs.
    entry_width, second_width : int
        Units of the dense layer and of the second head's GRU.
    look_ahead_frames : int
        Beyond that of the features, which is where PercepNet has its own.
    """

    def __init__(
        self,
        *,
        n_in: int,
        heads: tuple[Head, ...],
        width: int = 512,
        entry_width: int = 128,
        second_width: int = 128,
        look_ahead_frames: int = 0,
    ) -> None:
        super().__init__(look_ahead_frames)
        if len(heads) > 2:
            raise ValueError(f"percepnet has one or two heads, found {', '.join(head.name for head in heads)}")
        self.entry = nn.Linear(n_in, entry_width)
        self.convs = nn.ModuleList([CausalConv(entry_width, width, 5), CausalConv(width, width, 3)])
        self.grus = nn.ModuleList([Gru(width, width) for _ in range(4)])
        self.first = nn.Linear(5 * width, heads[0].size)
        self.second_gru = Gru(2 * width, second_width) if len(heads) == 2 else None
        self.second = nn.Linear(second_width, heads[1].size) if len(heads) == 2 else None
        self.heads = Heads(heads)

    def initial_state(self, batch: int) -> State:
        """Last rows of both convolutions, and the hidden units of each GRU."""
        convs = [self.zeros(batch, conv.past, conv.n_in) for conv in self.convs]
        grus = [*self.grus, *([] if self.second_gru is None else [self.second_gru])]
        return (*convs, *(self.zeros(batch, gru.hidden_size) for gru in grus))

    def run(self, x: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        """Outputs of consecutive frames."""
        after: list[torch.Tensor] = []
        x = torch.tanh(self.entry(x))
        for conv, past in zip(self.convs, state, strict=False):
            x, past = conv.run(x, past)
            x = torch.tanh(x)
            after.append(past)
        seen = [x]
        for gru, hidden in zip(self.grus, state[2:], strict=False):
            x, hidden = gru.run(x, hidden)
            seen.append(x)
            after.append(hidden)
        outputs = self.first(torch.cat(seen, -1))
        if self.second_gru is not None and self.second is not None:
            x, hidden = self.second_gru.run(torch.cat([seen[3], seen[0]], -1), state[6])
            outputs = torch.cat([outputs, self.second(x)], -1)
            after.append(hidden)
        return self.heads(outputs), tuple(after)
