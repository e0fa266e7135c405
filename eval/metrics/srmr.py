"""Speech-to-reverberation modulation energy ratio: how much slower than reverberation the envelopes move.

References
----------
T. H. Falk, C. Zheng, W.-Y. Chan, "A non-intrusive quality and intelligibility measure of reverberant and
dereverberated speech", IEEE TASLP 18(7), 2010.
"""

import math

import numpy as np

from percepkit.eval.metrics._interface import MetricSpec
from percepkit.eval.metrics._modulation import energy_ratio, modulation_energy, prepare, speech_at_rate

__all__ = ["SPEC", "prepare", "score"]

_HIGHEST_HZ = 128.0

SPEC = MetricSpec(
    names=("srmr",),
    version="1",
    summary="Energy of the envelopes' modulations below about 20 Hz over that of the faster ones, in 23 gammatone "
    "bands; hears the estimate only. At 16 kHz, or 8 kHz below that: the two differ.",
    source="Falk, Zheng and Chan, IEEE TASLP 2010, as their MATLAB toolbox computes it",
    unit={"srmr": "1"},
    range={"srmr": (0.0, math.inf)},
    needs="nothing",
    invariances=frozenset({"gain", "polarity"}),
)


def score(state: tuple[int, int], estimate: np.ndarray) -> dict[str, float]:
    """Compute the ratio.

    Examples
    --------
    >>> seconds = np.arange(32_000) / 16_000
    >>> slow, fast = (np.sin(6283 * seconds) * (1 + np.sin(2 * np.pi * f * seconds)) for f in (6, 60))
    >>> score((32_000, 16_000), slow)["srmr"] > 10 > 1 > score((32_000, 16_000), fast)["srmr"]
    True
    """
    speech, rate = speech_at_rate(state, estimate)
    energy = modulation_energy(speech, rate, highest_hz=_HIGHEST_HZ)
    return {"srmr": energy_ratio(energy, rate, highest_hz=_HIGHEST_HZ)}
