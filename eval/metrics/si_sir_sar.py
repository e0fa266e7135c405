"""Scale-invariant ratios of target to interference and of both to artefacts, by projection on speech and noise.

The estimate is split into its projection on the reference (the target), what the span of reference and noise holds
besides (the interference), and the rest (the artefacts). The span, not the noise alone, decides: reference and
noise may correlate.

References
----------
.. [1] E. Vincent, R. Gribonval, C. Fevotte, "Performance measurement in blind audio source separation", IEEE TASLP
   14(4), 2006, eqs. 12 and 13, with gains for the allowed distortion.
.. [2] J. Le Roux, S. Wisdom, H. Erdogan, J. R. Hershey, "SDR - half-baked or well done?", ICASSP 2019.
"""

import math
from dataclasses import dataclass

import numpy as np

from percepkit.eval.metrics._interface import (
    MetricSpec,
    Unscorable,
    checked_estimate,
    checked_noise,
    checked_reference,
)

__all__ = ["SPEC", "Basis", "prepare", "score"]

_NAMES = ("si_sir", "si_sar")

SPEC = MetricSpec(
    names=_NAMES,
    version="1",
    summary="The estimate's part along the reference over its part along the noise (si_sir), and both parts over "
    "the rest, which neither holds (si_sar; the noisy input itself has none but rounding).",
    source="Vincent et al., IEEE TASLP 2006, with gains instead of filters (Le Roux et al., ICASSP 2019)",
    unit=dict.fromkeys(_NAMES, "dB"),
    range=dict.fromkeys(_NAMES, (-math.inf, math.inf)),
    needs="noise",
    invariances=frozenset({"gain", "polarity"}),
)

_ROUNDING = (16 * float(np.finfo(np.float64).eps)) ** 2  # -289 dB


@dataclass(frozen=True, eq=False)
class Basis:
    """Reference and noise as two orthogonal vectors of length 1."""

    reference: np.ndarray  # float64 [n_samples]
    interference: np.ndarray  # float64 [n_samples], the noise without what the reference holds of it


def _unit(x: np.ndarray) -> np.ndarray:
    x = x / np.abs(x).max()
    return np.asarray(x / math.sqrt(float(np.sum(x * x))))


def prepare(reference: np.ndarray, sample_rate: int, *, noise: np.ndarray) -> Basis:
    """Make reference and noise orthogonal; the sample rate plays no role.

    Raises
    ------
    Unscorable
        ``silent_noise`` if there is no noise, or none that is not the reference; ``too_short`` below three
        samples, of which nothing can be left over.
    """
    reference = checked_reference(reference)
    if len(reference) < 3:
        raise Unscorable("too_short", f"{len(reference)} samples, 3 are needed for a third part")
    target = _unit(reference)
    rest = _unit(checked_noise(noise, len(reference)))
    for _ in range(2):  # once more, for what the first pass rounded
        rest = rest - np.sum(rest * target) * target
    if np.sum(rest * rest) <= _ROUNDING:
        raise Unscorable("silent_noise", "the noise equals the reference up to a gain")
    return Basis(target, _unit(rest))


def score(state: Basis, estimate: np.ndarray) -> dict[str, float]:
    """Compute both ratios in float64; one that is infinite says so, the other stands.

    Examples
    --------
    >>> basis = prepare(np.array([1.0, 0, 0]), 16_000, noise=np.array([0, 1.0, 0]))
    >>> values = score(basis, np.array([1.0, 0.1, 0.01]))
    >>> round(values["si_sir"], 3), round(values["si_sar"], 3)
    (20.0, 40.043)
    """
    estimate = _unit(checked_estimate(estimate, len(state.reference)))
    target = float(np.sum(estimate * state.reference))
    interference = float(np.sum(estimate * state.interference))
    artefacts = estimate - target * state.reference - interference * state.interference
    both = target**2 + interference**2
    return {
        "si_sir": _ratio_db(target**2, interference**2),
        "si_sar": _ratio_db(both, float(np.sum(artefacts * artefacts))),
    }


def _ratio_db(above: float, below: float) -> float:
    """Ratio of two shares of a vector of length 1; shares that are rounding count as nothing."""
    if below <= _ROUNDING:
        return math.inf
    return -math.inf if above <= _ROUNDING else 10 * math.log10(above / below)
