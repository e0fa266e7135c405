"""Frames as models and objectives see them; NumPy arrays, or tensors with more axes in front."""

from dataclasses import dataclass
from typing import Any

__all__ = ["Frames"]


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
    """

    features: Any
    noisy: Any
    combed: Any = None

    def __len__(self) -> int:
        """Number of frames."""
        return int(self.noisy.shape[-2])

    def __getitem__(self, rows: slice) -> "Frames":
        """Some of the frames."""
        combed = None if self.combed is None else self.combed[..., rows, :]
        return Frames(self.features[..., rows, :], self.noisy[..., rows, :], combed)
