"""Error of a denoiser's gains against the ideal ones, in the 34 ERB bands of PercepNet."""

import numpy as np

from percepkit.eval.metrics._interface import MetricSpec
from percepkit.eval.metrics._shadow import Shadow, known_shadow, prepare, root_mean_square

__all__ = ["SPEC", "prepare", "score"]

SPEC = MetricSpec(
    names=("gain_error",),
    version="1",
    summary="Root mean square, over frames and ERB bands, of the difference between the denoiser's band gains and "
    "the ideal ones.",
    source="ideal gains of Valin et al., PercepNet, Interspeech 2020",
    unit={"gain_error": "1"},
    range={"gain_error": (0.0, 1.0)},
    better="lower",
    needs="gains",
)


def score(state: int, estimate: np.ndarray, *, shadow: Shadow | None = None) -> dict[str, float]:
    """Compare the band gains where the ideal ones mean something.

    Raises
    ------
    Unscorable
        ``no_gains``, or ``silent_reference`` if no band of any frame can be compared.
    """
    shadow = known_shadow(state, estimate, shadow)
    error = shadow.band_gains - shadow.oracle.gains
    return {"gain_error": root_mean_square(error, shadow.oracle.gains_valid, what="holds sound")}
