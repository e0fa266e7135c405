"""Oracles that know less than the ideal: targets rounded to a few bits, or only up to an upper band edge.

They bound what a network loses by the form of its output: 8 or 4 bits for each gain, another layout of bands,
or no word on what lies above 8 kHz, as when it was trained at 16 kHz and works in a system of 48 kHz.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from percepkit.baselines._clean_oracle import CleanOracle, Method
from percepkit.baselines.denoiser import Spec
from percepkit.dsp.masks import ideal_ratio_mask
from percepkit.dsp.percepnet import Settings, Targets, compute_targets
from percepkit.dsp.reconstruct import apply_targets
from percepkit.dsp.stft import analyse, hop_length, synthesise

__all__ = ["DENOISERS", "hold_above", "quantise", "silence_above"]

CUTOFF_HZ = 8000.0
DEFAULT = Settings()
PERCEPNET = "Valin et al., PercepNet, Interspeech 2020"
WANG = "Wang, Narayanan & Wang, On training targets for supervised speech separation, 2014"

_Coarsening = Callable[[Targets, int], Targets]


def quantise(targets: Targets, bits: int) -> Targets:
    """Round gains, strengths and attenuation to equal steps between 0 and 1.

    Parameters
    ----------
    targets : Targets
    bits : int
        Of each value: 2^bits levels, 0 and 1 among them.

    Examples
    --------
    >>> one = np.full((1, 1), 0.5)
    >>> quantise(Targets(one, one, one, np.zeros(1)), 2).gains.round(3).item()
    0.667
    """
    steps = 2**bits - 1
    gains, strengths, attenuation = (
        np.rint(value * steps) / steps for value in (targets.gains, targets.strengths, targets.attenuation)
    )
    return replace(targets, gains=gains, strengths=strengths, attenuation=attenuation)


def silence_above(targets: Targets, sample_rate: int, cutoff_hz: float) -> Targets:
    """Targets of which nothing passes in bands whose centre is at ``cutoff_hz`` or above."""
    known = targets.settings.layout(sample_rate).centre_hz < cutoff_hz
    return replace(targets, gains=targets.gains * known)


def hold_above(targets: Targets, sample_rate: int, cutoff_hz: float) -> Targets:
    """Targets whose highest band below ``cutoff_hz`` speaks for all above it, without a comb there."""
    bands = np.arange(len(targets.settings.layout(sample_rate)))
    known = targets.settings.layout(sample_rate).centre_hz < cutoff_hz
    source = np.minimum(bands, np.flatnonzero(known)[-1])
    attenuation = np.where(known, targets.attenuation, 1)
    return replace(
        targets, gains=targets.gains[:, source], strengths=targets.strengths * known, attenuation=attenuation
    )


def _coarse(coarsen: _Coarsening, *, comb: bool, settings: Settings = DEFAULT) -> Method:
    def method(clean: np.ndarray, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        targets = compute_targets(clean, noisy, sample_rate, settings=settings)
        return apply_targets(noisy, coarsen(targets, sample_rate), sample_rate, comb=comb)

    return method


def _coarse_mask(coarsen: Callable[[np.ndarray, int], np.ndarray]) -> Method:
    """The ideal ratio mask, coarsened by a function of the mask and the sample rate."""

    def method(clean: np.ndarray, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        hop = hop_length(sample_rate)
        target, spectrum = analyse(clean, hop), analyse(noisy, hop)
        mask = coarsen(ideal_ratio_mask(target, spectrum - target), sample_rate)
        return synthesise(mask * spectrum, len(noisy))

    return method


def _round_mask(bits: int) -> Callable[[np.ndarray, int], np.ndarray]:
    steps = 2**bits - 1
    return lambda mask, sample_rate: np.rint(mask * steps) / steps


def _cut_mask(mask: np.ndarray, sample_rate: int) -> np.ndarray:
    frequency_hz = np.arange(mask.shape[1]) * (sample_rate / (2 * hop_length(sample_rate)))
    return mask * (frequency_hz < CUTOFF_HZ)


def _oracle(name: str, summary: str, method: Method, paper: str = PERCEPNET) -> CleanOracle:
    return CleanOracle(Spec(name=f"oracle-{name}", summary=summary, paper=paper, needs="stems"), method)


def _rounded(bits: int) -> _Coarsening:
    return lambda targets, sample_rate: quantise(targets, bits)


def _cut(targets: Targets, sample_rate: int) -> Targets:
    return silence_above(targets, sample_rate, CUTOFF_HZ)


def _held(targets: Targets, sample_rate: int) -> Targets:
    return hold_above(targets, sample_rate, CUTOFF_HZ)


def _same(targets: Targets, sample_rate: int) -> Targets:
    return targets


DENOISERS = (
    *(
        _oracle(
            f"gains-{bits}bit", f"Ideal ERB gains in {2**bits} equal steps.", _coarse(_rounded(bits), comb=False)
        )
        for bits in (4, 8)
    ),
    *(
        _oracle(
            f"comb-{bits}bit",
            f"Ideal gains and comb-filter strengths in {2**bits} equal steps.",
            _coarse(_rounded(bits), comb=True),
        )
        for bits in (4, 8)
    ),
    _oracle("gains-8khz", "Ideal ERB gains below 8 kHz, nothing above.", _coarse(_cut, comb=False)),
    _oracle("comb-8khz", "As oracle-comb below 8 kHz, nothing above.", _coarse(_cut, comb=True)),
    _oracle("gains-8khz-held", "Ideal ERB gains below 8 kHz, the highest also above.", _coarse(_held, comb=False)),
    _oracle(
        "comb-8khz-held", "As oracle-comb below 8 kHz, its highest gain also above.", _coarse(_held, comb=True)
    ),
    *(
        _oracle(
            f"gains-{bands}",
            f"Ideal gains of the bands of layout {bands}.",
            _coarse(_same, comb=False, settings=Settings(bands=bands)),
        )
        for bands in ("erb-rate", "rectangular")
    ),
    *(
        _oracle(
            f"irm-{bits}bit", f"Ideal ratio mask in {2**bits} equal steps.", _coarse_mask(_round_mask(bits)), WANG
        )
        for bits in (4, 8)
    ),
    _oracle("irm-8khz", "Ideal ratio mask below 8 kHz, nothing above.", _coarse_mask(_cut_mask), WANG),
)
