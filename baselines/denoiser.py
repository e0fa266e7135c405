"""What a denoiser is: its description, how it is called, and what it promises.

A denoiser maps a noisy signal to an enhanced one of the same length and dtype, aligned in time with its
input. Causal denoisers also run on a stream. An oracle sees the stems of an item and makes a denoiser for it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np

__all__ = [
    "CausalDenoiser", "Denoiser", "Oracle", "Recorded", "Spec", "Stream", "StreamedDenoiser", "as_float64",
]  # fmt: skip


@dataclass(frozen=True)
class Spec:
    """Description of a denoiser.

    Parameters
    ----------
    name : str
        What the command line and the score table call it: lower case, hyphens.
    summary : str
        One line for a table.
    paper : str
        Where the method comes from; empty when nothing was published.
    native_sample_rates : tuple of int, or None
        Rates in Hz that it runs at; None for any.
    needs : "nothing", "stems" or "item"
        Oracles need the stems of the item, recordings its name.
    causal : bool
        Whether it runs on a stream, see `CausalDenoiser`.
    invariances : frozenset of str
        Properties that the contract test checks; "level": scaling the input scales the output.
    aligned : bool
        Whether the output is known to be aligned in time with the input; False for what others made.

    Examples
    --------
    >>> Spec(name="mute", summary="Silence.").native_sample_rates is None
    True
    """

    name: str
    summary: str
    paper: str = ""
    native_sample_rates: tuple[int, ...] | None = None
    needs: Literal["nothing", "stems", "item"] = "nothing"
    causal: bool = False
    invariances: frozenset[str] = frozenset()
    aligned: bool = True


class Stream(Protocol):
    """A denoiser at work on one endless channel."""

    def process(self, block: np.ndarray) -> np.ndarray:
        """Take the next samples and return as many, delayed by ``latency_samples``; zeros come first."""

    def flush(self) -> np.ndarray:
        """End the stream: the last ``latency_samples`` samples."""


@runtime_checkable
class Denoiser(Protocol):
    """Noisy in, enhanced out."""

    @property
    def spec(self) -> Spec:
        """What it is called, needs and promises."""

    def __call__(self, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        """Enhance one channel.

        Parameters
        ----------
        noisy : float32 or float64 array, shape (n_samples,)
            Left as it is.
        sample_rate : int
            In Hz.

        Returns
        -------
        array of the same dtype and shape, aligned in time with ``noisy``

        Raises
        ------
        ValueError
            If ``noisy`` is not one channel of finite floats.
        """

    def latency_samples(self, sample_rate: int) -> int:
        """Samples of the future that an output sample may depend on, and the delay of the stream."""


@runtime_checkable
class CausalDenoiser(Denoiser, Protocol):
    """A denoiser that also runs on a stream; the stream without its delay equals the batch result."""

    def stream(self, sample_rate: int) -> Stream:
        """Start a stream at ``sample_rate`` Hz."""


class StreamedDenoiser(ABC):
    """A denoiser that is its stream: a whole signal goes through one and loses the delay."""

    def __call__(self, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        """Enhance one channel; see `Denoiser`."""
        stream = self.stream(sample_rate)
        late = np.concatenate([stream.process(noisy), stream.flush()])
        return late[self.latency_samples(sample_rate) :]

    @abstractmethod
    def latency_samples(self, sample_rate: int) -> int:
        """See `Denoiser`."""

    @abstractmethod
    def stream(self, sample_rate: int) -> Stream:
        """See `CausalDenoiser`."""


@runtime_checkable
class Oracle(Protocol):
    """Makes a denoiser for one item from its stems: a bound on what a method of its kind can reach."""

    @property
    def spec(self) -> Spec:
        """What it is called, needs and promises."""

    def for_item(self, stems: Mapping[str, np.ndarray], sample_rate: int) -> Denoiser:
        """Denoiser of the item whose "noisy", "clean", "speech" and "noise" stems are given."""


@runtime_checkable
class Recorded(Protocol):
    """Outputs that were made elsewhere, one for each item of a corpus."""

    @property
    def spec(self) -> Spec:
        """What it is called, needs and promises."""

    def of_item(self, item_id: str) -> Denoiser:
        """Denoiser that returns the output of one item."""


def as_float64(signal: np.ndarray) -> np.ndarray:
    """Check a denoiser's input and return it as float64; never changes ``signal``.

    Parameters
    ----------
    signal : float32 or float64 array, shape (n_samples,)

    Returns
    -------
    float64 array, shape (n_samples,)
        ``signal`` itself where it is float64 already.

    Examples
    --------
    >>> as_float64(np.array([0.5], dtype=np.float32)).dtype
    dtype('float64')
    """
    if signal.dtype not in (np.float32, np.float64):
        raise ValueError(
            f"expected float32 or float64 samples, full scale 1.0, found {signal.dtype}; convert them first"
        )
    if signal.ndim != 1:
        raise ValueError(
            f"expected one channel, shape (n_samples,), found {signal.shape}; pass each channel alone"
        )
    if not np.isfinite(signal).all():
        n_bad = np.count_nonzero(~np.isfinite(signal))
        raise ValueError(f"{n_bad} of {len(signal)} samples are NaN or infinite; repair them first")
    return signal.astype(np.float64, copy=False)
