"""What all noise estimators share: how they start, and that digital silence tells them nothing."""

from typing import ClassVar, Protocol

import numba
import numpy as np

from percepkit.baselines.grid import Grid

__all__ = ["NoiseEstimator", "Tracker", "is_silent", "smooth_three"]

START_SECONDS = 0.1


class NoiseEstimator(Protocol):
    """State of a noise estimator on one channel."""

    def track(self, power: np.ndarray) -> np.ndarray:
        """Noise power during the next frames from their power |Y|^2, both float64 of shape (frames, bins)."""


class Tracker:
    """A noise estimator's beginning; the rest is the method's.

    The first 100 ms may hold speech, so the estimate starts from the weaker half of the frames seen so far in
    each bin: their mean, divided by what that mean would be for noise of unit power (order statistics of the
    exponential distribution). Frames of digital silence tell nothing about the noise and are passed over.

    Parameters
    ----------
    grid : Grid
    """

    paper: ClassVar[str]

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.noise_power = np.zeros(grid.n_bins)
        self._first_frames: list[np.ndarray] = []
        self._start_frames = max(grid.frames(START_SECONDS), 2)

    def track(self, power: np.ndarray) -> np.ndarray:
        """Noise power during the next frames; see `NoiseEstimator`."""
        power = np.ascontiguousarray(power)
        noise, done = np.empty_like(power), 0
        while done < len(power) and len(self._first_frames) < self._start_frames:
            if power[done].any():
                self._start(power[done])
            noise[done] = self.noise_power
            done += 1
        if done < len(power):
            self._follow(power[done:], noise[done:])
        return noise

    def _start(self, frame: np.ndarray) -> None:
        self._first_frames.append(frame.copy())
        self.noise_power = _start_estimate(self._first_frames)
        if len(self._first_frames) == self._start_frames:
            self._begin()

    def _begin(self) -> None:
        """Set the method's state from ``noise_power``, the estimate at the end of the start."""
        raise NotImplementedError

    def _follow(self, power: np.ndarray, noise: np.ndarray) -> None:
        """Write the noise power of the frames to ``noise`` and bring ``noise_power`` up to date."""
        raise NotImplementedError


def _start_estimate(frames: list[np.ndarray]) -> np.ndarray:
    # The first frame with sound in it is mostly half empty: drop it as soon as there is another.
    seen = np.sort(frames[1:] or frames, axis=0)
    weaker = (len(seen) + 1) // 2
    # Mean of the i-th smallest of K exponential variables: sum of 1 / (K - j) for j < i.
    expected = np.cumsum(1 / np.arange(len(seen), 0, -1))[:weaker].mean()
    return seen[:weaker].mean(axis=0) / expected


@numba.njit(cache=True, nogil=True)
def is_silent(frame: np.ndarray) -> bool:
    """Whether all is zero."""
    for value in frame:  # noqa: SIM110 - compiled: all() is not
        if value != 0:
            return False
    return True


@numba.njit(cache=True, nogil=True)
def smooth_three(frame: np.ndarray, out: np.ndarray) -> None:
    """Average each bin with its neighbours, weights 1/4, 1/2, 1/4; at the ends with the one there is."""
    last = len(frame) - 1
    if last == 0:
        out[0] = frame[0]
        return
    for k in range(1, last):
        out[k] = 0.25 * frame[k - 1] + 0.5 * frame[k] + 0.25 * frame[k + 1]
    out[0] = (2 * frame[0] + frame[1]) / 3
    out[last] = (2 * frame[last] + frame[last - 1]) / 3
