"""What a network predicts, how its targets come from the stems, and how its outputs become sound.

An objective computes with whatever holds the outputs: NumPy arrays when a network runs, PyTorch tensors (with a
batch axis in front) when a loss looks at the enhanced signal. So training hears what inference gives.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Literal, Protocol

import numpy as np

from percepkit.baselines.dnn._band_objectives import BandGains
from percepkit.baselines.dnn._bin_objectives import (
    ComplexMapping,
    ComplexMask,
    ComplexMaskThroughSignal,
    MagnitudeMapping,
    Mask,
    MaskThroughSignal,
    NoiseMask,
    Waveform,
)
from percepkit.baselines.dnn.frames import Frames, Head

__all__ = ["OBJECTIVES", "Objective", "make"]


class Objective(Protocol):
    """What a network predicts."""

    @property
    def heads(self) -> tuple[Head, ...]:
        """Parts of a row of outputs, in order."""

    @property
    def stored(self) -> tuple[str, ...]:
        """Tables of `percepkit.synth.targets.TARGETS` that `stored_targets` needs."""

    @property
    def domain(self) -> Literal["spectrum", "waveform"]:
        """What `enhance` gives."""

    @property
    def needs_comb(self) -> bool:
        """Whether `enhance` needs comb-filtered spectra, and so features that track pitch."""

    @property
    def needs_noisy(self) -> bool:
        """Whether `predict` looks at the noisy spectra."""

    def targets(self, clean: np.ndarray, noisy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Targets of an item from its stems.

        Parameters
        ----------
        clean, noisy : float array, shape (n_samples,)

        Returns
        -------
        values : float32 array, shape (frames, size)
        valid : bool array, shape (frames, size)
        """

    def stored_targets(self, item: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """The same from a corpus: an item of `percepkit.synth.torch` with the tables ``stored``."""

    def predict(self, outputs: Any, frames: Frames) -> Any:
        """What a loss compares with the targets, of their shape."""

    def enhance(self, outputs: Any, frames: Frames) -> Any:
        """Enhanced spectra, shape (..., frames, bins), or for a waveform its hops, shape (..., frames, hop)."""


#: Objectives by name; each is called with the sample rate.
OBJECTIVES: Mapping[str, Callable[[int], Objective]] = MappingProxyType(
    {
        **{name: partial(Mask, name) for name in ("ibm", "irm", "smm", "psm")},
        "cirm": ComplexMask,
        "noise-mask": NoiseMask,
        "magnitude": MagnitudeMapping,
        "complex": ComplexMapping,
        "fusion": MaskThroughSignal,
        "fusion-complex": ComplexMaskThroughSignal,
        "waveform": Waveform,
        "gains": partial(BandGains, comb=False),
        "gains-vad": partial(BandGains, comb=False, vad=True),
        "gains-strengths": partial(BandGains, comb=True),
    }
)


def make(name: str, sample_rate: int) -> Objective:
    """Objective by name.

    Parameters
    ----------
    name : str
        A key of `OBJECTIVES`: the masks "ibm", "irm", "smm", "psm", "cirm" and "noise-mask"; "magnitude" and
        "complex" spectra; "fusion" and "fusion-complex", masks that are judged by the spectrum they make;
        "waveform"; ERB "gains", "gains-vad" and "gains-strengths".
    sample_rate : int
        In Hz.

    Raises
    ------
    ValueError
        For an unknown name.

    Examples
    --------
    >>> [(head.name, head.size) for head in make("gains-strengths", 48_000).heads]
    [('gains', 34), ('strengths', 34)]
    """
    if name not in OBJECTIVES:
        raise ValueError(f"no objective is called {name!r}; choose from {', '.join(OBJECTIVES)}")
    return OBJECTIVES[name](sample_rate)
