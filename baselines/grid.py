"""The frames and bins that a suppressor works on, so that its constants can stand in seconds and Hz."""

from dataclasses import dataclass

import numpy as np

from percepkit.dsp.stft import hop_length

__all__ = ["Grid", "grid_of"]


@dataclass(frozen=True)
class Grid:
    """Spacing of a short-time spectrum in time and frequency.

    Parameters
    ----------
    n_bins : int
    bin_hz : float
        Hz between bins.
    hop_seconds : float
        Seconds between frames.
    """

    n_bins: int
    bin_hz: float
    hop_seconds: float

    def smoothing(self, seconds: float) -> float:
        """Weight of the past in a first-order recursion with this time constant.

        Examples
        --------
        >>> round(Grid(161, 50.0, 0.016).smoothing(0.0717), 3)
        0.8
        """
        return float(np.exp(-self.hop_seconds / seconds))

    def frames(self, seconds: float) -> int:
        """Frames in a stretch of time, at least one."""
        return max(round(seconds / self.hop_seconds), 1)

    def bins(self, width_hz: float) -> int:
        """Bins in a stretch of frequency, at least one."""
        return max(round(width_hz / self.bin_hz), 1)


def grid_of(sample_rate: int) -> Grid:
    """Grid of `percepkit.dsp.stft.analyse` at ``sample_rate`` Hz: 10 ms and 50 Hz, as nearly as whole samples go.

    Examples
    --------
    >>> grid_of(16_000)
    Grid(n_bins=161, bin_hz=50.0, hop_seconds=0.01)
    """
    hop = hop_length(sample_rate)
    return Grid(n_bins=hop + 1, bin_hz=sample_rate / (2 * hop), hop_seconds=hop / sample_rate)
