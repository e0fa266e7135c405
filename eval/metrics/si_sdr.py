"""Scale-invariant signal-to-distortion ratio (no mean removal).

References
----------
J. Le Roux, S. Wisdom, H. Erdogan, J. R. Hershey, "SDR - half-baked or well done?", ICASSP 2019, eqs. 3 and 4.
"""

import math

import numpy as np

from percepkit.eval.metrics._interface import MetricSpec, Unscorable, checked_estimate, checked_reference

__all__ = ["SPEC", "prepare", "score"]

SPEC = MetricSpec(
    names=("si_sdr",),
    version="1",
    summary="Energy of the estimate's part along the reference over the energy of the rest; no mean removal.",
    source="Le Roux et al., ICASSP 2019",
    unit={"si_sdr": "dB"},
    range={"si_sdr": (-math.inf, math.inf)},
    invariances=frozenset({"gain", "polarity"}),
)

# A residual below this share of the target (or a target below this share of the residual) is rounding.
_ROUNDING = (16 * np.finfo(np.float64).eps) ** 2  # -289 dB


def prepare(reference: np.ndarray, sample_rate: int) -> tuple[np.ndarray, float]:
    """Check the reference and compute its energy; the sample rate plays no role.

    Returns
    -------
    float64 array, shape (n_samples,), and float
        Reference and its energy.
    """
    reference = checked_reference(reference)
    reference = reference / np.abs(reference).max()  # no square underflows
    return reference, float(np.sum(reference * reference))


def score(state: tuple[np.ndarray, float], estimate: np.ndarray) -> dict[str, float]:
    """Compute the SI-SDR in float64, without any regularising constant.

    Raises
    ------
    Unscorable
        ``infinite`` if estimate and reference are equal, or orthogonal, to within the rounding of float64:
        such a pair has no number, and one made up for it would decide every mean it enters.

    Examples
    --------
    >>> round(score(prepare(np.array([1.0, 0.0]), 16_000), np.array([1.0, 0.1]))["si_sdr"], 6)
    20.0
    """
    reference, energy = state
    estimate = checked_estimate(estimate, len(reference))
    estimate = estimate / np.abs(estimate).max()
    # Sums by np.sum: a BLAS product would change its last bits with the number of threads.
    target = np.sum(estimate * reference) / energy * reference
    residual = estimate - target
    target_energy, residual_energy = float(np.sum(target * target)), float(np.sum(residual * residual))
    if residual_energy <= _ROUNDING * target_energy:
        raise Unscorable("infinite", "+inf dB: the estimate equals the reference up to a gain")
    if target_energy <= _ROUNDING * residual_energy:
        raise Unscorable("infinite", "-inf dB: the estimate holds nothing of the reference")
    return {"si_sdr": 10 * math.log10(target_energy / residual_energy)}
