"""Any noise estimator with any gain law: the classical suppressors.

A gain law turns the power of frames and the noise power in them into gains. `Suppressor` joins one to an estimator
of `percepkit.baselines.estimators`; ``with_estimator`` makes the same denoiser with another.
"""

from typing import Protocol

import numpy as np

from percepkit.baselines.denoiser import Spec
from percepkit.baselines.estimators import ESTIMATORS, NoiseEstimator
from percepkit.baselines.spectral import SpectralDenoiser

__all__ = ["GainLaw", "Suppressor"]


class GainLaw(Protocol):
    """State of a gain law on one channel."""

    def gains(self, power: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Gains in [0, 1] of the next frames from their power and noise power, all of shape (frames, bins)."""


class Suppressor(SpectralDenoiser):
    """Noise estimator and gain law.

    Parameters
    ----------
    spec : Spec
        ``paper`` is the law's; the estimator's is added.
    start_law : type
        Class of a `GainLaw`, made on a `Grid`.
    estimator : str
        A name in `percepkit.baselines.estimators.ESTIMATORS`.

    Examples
    --------
    >>> from percepkit.baselines.registry import load
    >>> load("log-mmse").with_estimator("mcra").spec.name
    'log-mmse+mcra'
    """

    def __init__(self, spec: Spec, start_law: type, estimator: str) -> None:
        if estimator not in ESTIMATORS:
            raise ValueError(f"no noise estimator is called {estimator!r}; choose from {', '.join(ESTIMATORS)}")
        start_noise = ESTIMATORS[estimator]
        self._law = spec, start_law
        described = Spec(
            name=spec.name,
            summary=spec.summary,
            paper=f"{spec.paper}; noise: {start_noise.paper}",
            causal=True,
            invariances=frozenset({"level"}),
        )
        super().__init__(described, lambda grid: _Pair(start_noise(grid), start_law(grid)))

    def with_estimator(self, estimator: str) -> "Suppressor":
        """The same gain law with another noise estimator, called ``NAME+ESTIMATOR``."""
        spec, start_law = self._law
        name = f"{spec.name}+{estimator}"
        return Suppressor(Spec(name=name, summary=spec.summary, paper=spec.paper), start_law, estimator)


class _Pair:
    """The gain rule made of an estimator and a law."""

    def __init__(self, estimator: NoiseEstimator, law: GainLaw) -> None:
        self._estimator, self._law = estimator, law

    def gains(self, power: np.ndarray) -> np.ndarray:
        return self._law.gains(power, self._estimator.track(power))
