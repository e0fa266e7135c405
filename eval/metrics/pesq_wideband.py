"""Wideband PESQ: MOS-LQO at 16 kHz.

References
----------
ITU-T P.862.2, "Wideband extension to Recommendation P.862", 2007 (without Corrigendum 2 of 2018, like the
scores in the literature).
"""

import numpy as np

from percepkit.eval.metrics import _itu_pesq
from percepkit.eval.metrics._interface import MetricSpec, Unscorable

__all__ = ["SPEC", "prepare", "score"]

SPEC = MetricSpec(
    names=("pesq_wb",),
    version=_itu_pesq.VERSION,
    summary="Predicted listening quality, 50 Hz to 7 kHz; at 16 kHz, higher rates are resampled.",
    source="ITU-T P.862.2 without Corrigendum 2",
    unit={"pesq_wb": "MOS-LQO"},
    range={"pesq_wb": (0.999, 4.644)},
    invariances=frozenset({"gain", "polarity"}),
)

_RATE = 16_000


def prepare(reference: np.ndarray, sample_rate: int) -> _itu_pesq.Reference:
    """Check the reference and resample it to 16 kHz.

    Raises
    ------
    Unscorable
        ``rate_mismatch`` below 16 kHz: there is no wideband signal to judge.
    """
    if sample_rate < _RATE:
        raise Unscorable("rate_mismatch", f"wideband PESQ needs 16000 Hz or more, got {sample_rate} Hz")
    return _itu_pesq.reference_at(reference, sample_rate, _RATE)


def score(state: _itu_pesq.Reference, estimate: np.ndarray) -> dict[str, float]:
    """Score one estimate; signals over 18 s are scored in a child process."""
    return {"pesq_wb": _itu_pesq.mos_lqo(state, estimate, "wb")}
