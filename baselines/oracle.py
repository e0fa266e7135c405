"""Oracles: the steps of PercepNet's ladder, each with ideal values taken from the clean speech.

They say how good a denoiser of their form can ever be; none of them is a denoiser.
"""

import numpy as np

from percepkit.baselines._clean_oracle import CleanOracle, Method
from percepkit.baselines.denoiser import Spec
from percepkit.dsp.percepnet import Settings, compute_targets
from percepkit.dsp.reconstruct import apply_targets
from percepkit.dsp.stft import analyse, hop_length, synthesise

__all__ = ["DENOISERS"]

DEFAULT = Settings()
PERCEPNET = "Valin et al., PercepNet, Interspeech 2020"


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


def _step(name: str, summary: str, method: Method) -> CleanOracle:
    # Not level-invariant to the last digit: bands count as silent below an absolute level.
    return CleanOracle(Spec(name=name, summary=summary, paper=PERCEPNET, needs="stems"), method)


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
