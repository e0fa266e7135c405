"""What adapts a package's denoiser to the contract: whole signals in, the same length out, nothing late."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from percepkit.baselines.denoiser import Spec, as_float64
from percepkit.baselines.made_elsewhere import as_returned

__all__ = ["Peer", "from_integers", "in_frames", "to_integers"]

#: From a float64 signal and its rate to an enhanced one, late, and of whole frames only.
Process = Callable[[np.ndarray, int], np.ndarray]


@dataclass(frozen=True)
class Peer:
    """A denoiser of another package.

    Parameters
    ----------
    spec : Spec
    package : str
        Module that must be installed.
    process : callable
        Enhances a signal; imports the package.
    delay_samples : int
        By how much its output is late, at its native rate.
    frame_samples : int
        It takes signals of whole frames.
    """

    spec: Spec
    package: str
    process: Process
    delay_samples: int = 0
    frame_samples: int = 1

    @property
    def installed(self) -> bool:
        """Whether its package can be imported."""
        return importlib.util.find_spec(self.package) is not None

    def require(self) -> None:
        """Raise `ValueError` with the remedy if its package is not installed."""
        if not self.installed:
            raise ValueError(
                f"{self.spec.name} needs the package {self.package}, which is not installed; "
                "pip install 'percepkit[peers]'"
            )

    def __call__(self, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        """Enhance one channel; see `Denoiser`."""
        late = self.late(noisy, sample_rate)
        moved = late[self.delay_samples : self.delay_samples + len(noisy)]
        return as_returned(moved, len(noisy), sample_rate, self.spec.name).astype(noisy.dtype, copy=False)

    def late(self, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        """Output as the package gives it, late; longer than the input, whose end it holds too.

        Raises
        ------
        ValueError
            If the package is not installed, or this is not its rate.
        """
        self.require()
        rates = self.spec.native_sample_rates
        if rates is not None and sample_rate not in rates:
            raise ValueError(f"{self.spec.name} runs at {rates[0]} Hz, found {sample_rate} Hz; resample first")
        signal = as_float64(noisy)
        n_whole = -(-(len(signal) + self.delay_samples) // self.frame_samples) * self.frame_samples
        return self.process(np.pad(signal, (0, n_whole - len(signal))), sample_rate)

    def latency_samples(self, sample_rate: int) -> int:
        """Delay of its own code at its native rate; frames that it waits for are not counted."""
        return self.delay_samples


def in_frames(signal: np.ndarray, frame_samples: int, enhance: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Enhance a signal of whole frames one frame after another."""
    return np.concatenate([enhance(frame) for frame in signal.reshape(-1, frame_samples)])


def to_integers(signal: np.ndarray) -> np.ndarray:
    """Samples of 16 bits, clipped."""
    return np.clip(np.rint(signal * 32768), -32768, 32767).astype(np.int16)


def from_integers(content: bytes) -> np.ndarray:
    """Floats from samples of 16 bits."""
    return np.frombuffer(content, np.int16) / 32768
