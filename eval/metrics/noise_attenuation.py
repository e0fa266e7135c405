"""Noise attenuation: by how much the denoiser's own gains lower the noise.

References
----------
T. Lotter, P. Vary, "Speech enhancement by MAP spectral amplitude estimation using a super-Gaussian speech model",
EURASIP J. Applied Signal Processing 2005(7): noise attenuation over segments. Segments are averaged in dB here, so
that one that is muted does not outweigh all others.
"""

import numpy as np

from percepkit.eval.metrics._interface import MetricSpec
from percepkit.eval.metrics._shadow import Shadow, known_shadow, prepare, segments

__all__ = ["SPEC", "prepare", "score"]

LOWEST_DB, HIGHEST_DB = -10.0, 60.0

SPEC = MetricSpec(
    names=("noise_attenuation",),
    version="1",
    summary="Mean over 20 ms segments of the level by which the denoiser's gains lower the noise alone; shadow "
    "filtering.",
    source="after Lotter and Vary, EURASIP JASP 2005",
    unit={"noise_attenuation": "dB"},
    range={"noise_attenuation": (LOWEST_DB, HIGHEST_DB)},
    needs="gains",
)


def score(state: int, estimate: np.ndarray, *, shadow: Shadow | None = None) -> dict[str, float]:
    """Average the attenuation of the segments that hold noise, each limited to -10 ... 60 dB.

    Raises
    ------
    Unscorable
        ``no_gains``, or ``too_short`` for less than a segment.
    """
    shadow = known_shadow(state, estimate, shadow)
    before, active = segments(shadow.noise, shadow.sample_rate)
    after, _ = segments(shadow.filtered(shadow.noise), shadow.sample_rate)
    with np.errstate(divide="ignore"):
        attenuation_db = 10 * np.log10(before[active] / after[active])
    return {"noise_attenuation": float(np.clip(attenuation_db, LOWEST_DB, HIGHEST_DB).mean())}
