"""Error of predicted comb-filter strengths against the ideal ones, in the 34 ERB bands of PercepNet."""

import numpy as np

from percepkit.eval.metrics._interface import MetricSpec, Unscorable
from percepkit.eval.metrics._shadow import Shadow, known_shadow, prepare, root_mean_square

__all__ = ["SPEC", "prepare", "score"]

SPEC = MetricSpec(
    names=("strength_error",),
    version="1",
    summary="Root mean square, over voiced frames and ERB bands, of the difference between the comb-filter "
    "strengths that the denoiser predicts and the ideal ones.",
    source="ideal strengths of Valin et al., PercepNet, Interspeech 2020",
    unit={"strength_error": "1"},
    range={"strength_error": (0.0, 1.0)},
    better="lower",
    needs="gains",
)


def score(state: int, estimate: np.ndarray, *, shadow: Shadow | None = None) -> dict[str, float]:
    """Compare the strengths where the ideal ones mean something.

    Raises
    ------
    Unscorable
        ``no_gains`` if the denoiser predicts no strengths, ``silent_reference`` if no frame is voiced.
    """
    shadow = known_shadow(state, estimate, shadow)
    if shadow.predicted is None:
        raise Unscorable("no_gains", "the denoiser predicts no comb-filter strengths")
    error = shadow.predicted.strengths - shadow.oracle.strengths
    return {"strength_error": root_mean_square(error, shadow.oracle.strengths_valid, what="is voiced")}
