"""Scale-invariant signal-to-noise ratio: the SI-SDR of signals whose means were removed.

References
----------
Y. Luo, N. Mesgarani, "TaSNet: time-domain audio separation network for real-time, single-channel speech
separation", ICASSP 2018, eqs. 9 to 11.
"""

import math

import numpy as np

from percepkit.eval.metrics import si_sdr
from percepkit.eval.metrics._interface import MetricSpec, Unscorable, checked_estimate, checked_reference

__all__ = ["SPEC", "prepare", "score"]

SPEC = MetricSpec(
    names=("si_snr",),
    version="1",
    summary="The SI-SDR after the means of both signals were removed.",
    source="Luo and Mesgarani, ICASSP 2018",
    unit={"si_snr": "dB"},
    range={"si_snr": (-math.inf, math.inf)},
    invariances=frozenset({"gain", "polarity"}),
)

_ROUNDING = 16 * float(np.finfo(np.float64).eps)


def _without_mean(x: np.ndarray, what: str) -> np.ndarray:
    x = x / np.abs(x).max()
    centred = x - np.mean(x)
    if np.abs(centred).max() <= _ROUNDING:
        raise Unscorable(f"silent_{what}", f"the {what} holds a constant and nothing else")
    return centred


def prepare(reference: np.ndarray, sample_rate: int) -> tuple[np.ndarray, float]:
    """Remove the reference's mean and compute its energy; the sample rate plays no role.

    Raises
    ------
    Unscorable
        ``too_short`` for one sample, ``silent_reference`` for a constant.
    """
    reference = checked_reference(reference)
    if len(reference) < 2:
        raise Unscorable("too_short", "one sample is nothing but its mean")
    return si_sdr.prepare(_without_mean(reference, "reference"), sample_rate)


def score(state: tuple[np.ndarray, float], estimate: np.ndarray) -> dict[str, float]:
    """Compute the ratio in float64.

    Raises
    ------
    Unscorable
        ``silent_estimate`` for a constant, ``infinite`` as for the SI-SDR.

    Examples
    --------
    >>> state = prepare(np.array([1.0, -1.0, 0.0, 0.0]), 16_000)
    >>> round(score(state, np.array([5.0, 3.0, 4.1, 3.9]))["si_snr"], 6)
    20.0
    """
    estimate = _without_mean(checked_estimate(estimate, len(state[0])), "estimate")
    return {"si_snr": si_sdr.score(state, estimate)["si_sdr"]}
