"""Frames and outputs as models and objectives see them; NumPy arrays, or tensors with more axes in front."""

import sys
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np

__all__ = ["Activation", "Frames", "Head", "namespace"]

#: What bounds a head's outputs: to (0, 1), to (-1, 1), to positive numbers, or nothing.
Activation = Literal["sigmoid", "tanh", "softplus", "linear"]


@dataclass(frozen=True)
class Head:
    """Neighbouring columns of a network's output.

    Parameters
    ----------
    name : str
    size : int
        Number of columns.
    activation : {"sigmoid", "tanh", "softplus", "linear"}
    scale : float
        Factor after the activation.
    """

    name: str
    size: int
    activation: Activation
    scale: float = 1.0


@dataclass(frozen=True, eq=False)
class Frames:
    """Consecutive frames of one noisy signal.

    Attributes
    ----------
    features : float32 array, shape (..., frames, size)
        What the model gets.
    noisy : complex array, shape (..., frames, bins)
        Spectra by `percepkit.dsp.stft.analyse`.
    combed : complex array, shape (..., frames, bins), optional
        Spectra of the frames, comb-filtered along their pitch; only of features that track it.
    period : float array, shape (..., frames), optional
        That pitch, in samples.
    """

    features: Any
    noisy: Any
    combed: Any = None
    period: Any = None

    def __len__(self) -> int:
        """Number of frames."""
        return int(self.noisy.shape[-2])

    def __getitem__(self, rows: slice) -> "Frames":
        """Some of the frames."""
        combed = None if self.combed is None else self.combed[..., rows, :]
        period = None if self.period is None else self.period[..., rows]
        return Frames(self.features[..., rows, :], self.noisy[..., rows, :], combed, period)

    def followed_by(self, later: "Frames") -> "Frames":
        """These frames and ``later`` ones of the same signal, as NumPy arrays."""
        pairs = ((getattr(self, field.name), getattr(later, field.name)) for field in fields(self))
        return Frames(*(None if one is None else np.concatenate([one, other]) for one, other in pairs))


def namespace(array: Any) -> Any:
    """The library that an array belongs to, NumPy or PyTorch, for the functions that both call the same.

    Examples
    --------
    >>> import numpy
    >>> namespace(numpy.zeros(1)) is numpy
    True
    """
    return sys.modules[type(array).__module__.partition(".")[0]]
