"""Speech distortion: what the denoiser's own gains change of the speech, noise left aside.

References
----------
T. Lotter, P. Vary, "Speech enhancement by MAP spectral amplitude estimation using a super-Gaussian speech model",
EURASIP J. Applied Signal Processing 2005(7): segmental SNR of the filtered speech; here its sign is turned round.
"""

import numpy as np

from percepkit.eval.metrics._interface import MetricSpec
from percepkit.eval.metrics._shadow import Shadow, known_shadow, prepare, segments

__all__ = ["SPEC", "prepare", "score"]

LOWEST_DB, HIGHEST_DB = -35.0, 10.0

SPEC = MetricSpec(
    names=("speech_distortion",),
    version="1",
    summary="Mean over 20 ms segments of the level, below the speech, of what the denoiser's gains change of the "
    "speech alone; shadow filtering.",
    source="after Lotter and Vary, EURASIP JASP 2005",
    unit={"speech_distortion": "dB"},
    range={"speech_distortion": (LOWEST_DB, HIGHEST_DB)},
    better="lower",
    needs="gains",
)


def score(state: int, estimate: np.ndarray, *, shadow: Shadow | None = None) -> dict[str, float]:
    """Average the distortion of the segments that hold speech, each limited to -35 ... 10 dB.

    Raises
    ------
    Unscorable
        ``no_gains``, or ``too_short`` for less than a segment.
    """
    shadow = known_shadow(state, estimate, shadow)
    speech, active = segments(shadow.speech, shadow.sample_rate)
    change, _ = segments(shadow.filtered(shadow.speech) - shadow.speech, shadow.sample_rate)
    with np.errstate(divide="ignore"):
        distortion_db = 10 * np.log10(change[active] / speech[active])
    return {"speech_distortion": float(np.clip(distortion_db, LOWEST_DB, HIGHEST_DB).mean())}
