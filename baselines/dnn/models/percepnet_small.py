"""PercepNet's network with an eighth of its weights, for a few per cent of a core."""

from percepkit.baselines.dnn.frames import Head
from percepkit.baselines.dnn.models import percepnet

__all__ = ["Model"]


class Model(percepnet.Model):
    """About 1 M weights for 70 features and two heads of 34.

    Parameters
    ----------
    n_in, heads, look_ahead_frames
        As of `percepkit.baselines.dnn.models.percepnet.Model`.
    """

    def __init__(self, *, n_in: int, heads: tuple[Head, ...], look_ahead_frames: int = 0) -> None:
        super().__init__(
            n_in=n_in, heads=heads, width=176, entry_width=64, second_width=64, look_ahead_frames=look_ahead_frames
        )
