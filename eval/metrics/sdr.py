"""Signal-to-distortion ratio of the plain difference: no gain, no filter, no mean is taken out.

References
----------
J. Le Roux, S. Wisdom, H. Erdogan, J. R. Hershey, "SDR - half-baked or well done?", ICASSP 2019, eq. 1.
"""

import math

import numpy as np

from percepkit.eval.metrics._interface import MetricSpec, Unscorable, checked_estimate, checked_reference

__all__ = ["SPEC", "prepare", "score"]

SPEC = MetricSpec(
    names=("sdr",),
    version="1",
    summary="Energy of the reference over the energy of its difference to the estimate.",
    source="Le Roux et al., ICASSP 2019, eq. 1",
    unit={"sdr": "dB"},
    range={"sdr": (-math.inf, math.inf)},
)


def prepare(reference: np.ndarray, sample_rate: int) -> tuple[np.ndarray, float, float]:
    """Check the reference; the sample rate plays no role.

    Returns
    -------
    float64 array, shape (n_samples,), float, float
        Reference scaled to the peak 1, its energy, and the peak.

    Raises
    ------
    Unscorable
        ``too_short`` for one sample.
    """
    reference = checked_reference(reference)
    if len(reference) < 2:
        raise Unscorable("too_short", "one sample is no signal")
    peak = float(np.abs(reference).max())
    reference = reference / peak  # no square underflows
    return reference, float(np.sum(reference * reference)), peak


def score(state: tuple[np.ndarray, float, float], estimate: np.ndarray) -> dict[str, float]:
    """Compute the ratio in float64.

    Raises
    ------
    Unscorable
        ``infinite`` if the signals are equal.

    Examples
    --------
    >>> round(score(prepare(np.array([1.0, 0.0]), 16_000), np.array([1.0, 0.1]))["sdr"], 6)
    20.0
    """
    reference, energy, peak = state
    difference = checked_estimate(estimate, len(reference)) / peak - reference
    largest = float(np.abs(difference).max())
    if largest == 0:
        raise Unscorable("infinite", "+inf dB: the estimate equals the reference")
    scaled = difference / largest
    return {"sdr": 10 * math.log10(energy / np.sum(scaled * scaled)) - 20 * math.log10(largest)}
