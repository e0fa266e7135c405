"""Oracles that need the clean speech of an item and nothing else."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from percepkit.baselines.denoiser import Spec, as_float64

__all__ = ["CleanOracle", "ItemOracle", "Method"]

#: From clean and noisy to enhanced speech, all float64 of shape (n_samples,).
Method = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


@dataclass(frozen=True)
class CleanOracle:
    """An oracle that needs the clean speech of an item.

    Parameters
    ----------
    spec : Spec
    method : callable
        From clean, noisy and sample rate to the enhanced signal.
    """

    spec: Spec
    method: Method

    def for_item(self, stems: Mapping[str, np.ndarray], sample_rate: int) -> "ItemOracle":
        """Denoiser of one item; needs its stem ``clean``."""
        return ItemOracle(self.spec, self.method, as_float64(stems["clean"]))


@dataclass(frozen=True, eq=False)
class ItemOracle:
    """An oracle, told the clean speech of one item."""

    spec: Spec
    method: Method
    clean: np.ndarray

    def __call__(self, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        """Enhance the noisy speech of this item."""
        signal = as_float64(noisy)
        if signal.shape != self.clean.shape:
            raise ValueError(f"this oracle knows an item of {len(self.clean)} samples, found {len(signal)}")
        return self.method(self.clean, signal, sample_rate).astype(noisy.dtype, copy=False)

    def latency_samples(self, sample_rate: int) -> int:
        """Zero: an oracle works on whole items."""
        return 0
