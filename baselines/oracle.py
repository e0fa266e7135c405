"""Oracles: the steps of PercepNet's ladder, each with ideal values taken from the clean speech.

They say how good a denoiser of their form can ever be; none of them is a denoiser.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from percepkit.baselines.denoiser import Spec, as_float64
from percepkit.dsp.percepnet import Settings, compute_targets
from percepkit.dsp.reconstruct import apply_targets
from percepkit.dsp.stft import analyse, hop_length, synthesise

__all__ = ["DENOISERS", "ItemOracle", "LadderStep"]

DEFAULT = Settings()
PERCEPNET = "Valin et al., PercepNet, Interspeech 2020"
#: From clean and noisy to enhanced speech, all float64 of shape (n_samples,).
Method = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


@dataclass(frozen=True)
class LadderStep:
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
    """A step of the ladder, told the clean speech of one item."""

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


def _magnitude(clean: np.ndarray, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
    hop = hop_length(sample_rate)
    target, spectrum = analyse(clean, hop), analyse(noisy, hop)
    size = np.abs(spectrum)
    phase = np.divide(spectrum, size, out=np.ones_like(spectrum), where=size > 0)
    return synthesise(np.abs(target) * phase, len(noisy))


def _percepnet(*, comb: bool, postfilter: bool, settings: Settings = DEFAULT) -> Method:
    def method(clean: np.ndarray, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        targets = compute_targets(clean, noisy, sample_rate, settings=settings)
        return apply_targets(noisy, targets, sample_rate, comb=comb, postfilter=postfilter)

    return method


def _step(name: str, summary: str, method: Method) -> LadderStep:
    # Not level-invariant to the last digit: bands count as silent below an absolute level.
    return LadderStep(Spec(name=name, summary=summary, paper=PERCEPNET, needs="stems"), method)


DENOISERS = (
    _step("oracle-magnitude", "Clean magnitude of every bin, noisy phase.", _magnitude),
    _step("oracle-gains", "Ideal gains of 34 ERB bands.", _percepnet(comb=False, postfilter=False)),
    _step("oracle-comb", "Ideal gains and comb-filter strengths.", _percepnet(comb=True, postfilter=False)),
    _step(
        "oracle-comb-published",
        "As oracle-comb, strengths by the formula that the paper prints.",
        _percepnet(comb=True, postfilter=False, settings=Settings(strength="published")),
    ),
    _step(
        "oracle-comb-white",
        "As oracle-comb, strengths by the closed form for white noise.",
        _percepnet(comb=True, postfilter=False, settings=Settings(strength="white-noise")),
    ),
    _step(
        "oracle-comb-causal",
        "As oracle-comb, comb filter with the look-ahead of PercepNet, 30 ms.",
        _percepnet(comb=True, postfilter=False, settings=Settings(look_ahead_frames=3)),
    ),
    _step(
        "oracle-postfilter",
        "Gains, strengths and the envelope post-filter.",
        _percepnet(comb=True, postfilter=True),
    ),
)
