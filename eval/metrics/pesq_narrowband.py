"""Narrowband PESQ: MOS-LQO of the telephone band, and the raw score that it is mapped from.

References
----------
ITU-T P.862, 2001, mapped to MOS-LQO by ITU-T P.862.1, 2003.
"""

import numpy as np

from percepkit.eval.metrics import _itu_pesq
from percepkit.eval.metrics._interface import MetricSpec, Unscorable

__all__ = ["SPEC", "prepare", "score"]

SPEC = MetricSpec(
    names=("pesq_nb", "pesq_nb_raw"),
    version=_itu_pesq.VERSION,
    summary="Predicted listening quality, telephone band; at 16 kHz (corpora of 8 kHz: at 8 kHz). The raw score "
    "is the MOS-LQO with the mapping of P.862.1 undone.",
    source="ITU-T P.862 and P.862.1",
    unit={"pesq_nb": "MOS-LQO", "pesq_nb_raw": "PESQ score"},
    range={"pesq_nb": (0.999, 4.549), "pesq_nb_raw": (-0.5, 4.501)},
    invariances=frozenset({"gain", "polarity"}),
)


def prepare(reference: np.ndarray, sample_rate: int) -> _itu_pesq.Reference:
    """Check the reference and resample it to 16 kHz, unless its rate is 8 kHz.

    The two rates give different values for the same speech (1.61 and 1.67 for the reference pair of the
    ``pesq`` package), so that a corpus is always scored at one of them.

    Raises
    ------
    Unscorable
        ``rate_mismatch`` below 8 kHz.
    """
    if sample_rate < 8_000:
        raise Unscorable("rate_mismatch", f"PESQ needs 8000 Hz or more, got {sample_rate} Hz")
    return _itu_pesq.reference_at(reference, sample_rate, 8_000 if sample_rate == 8_000 else 16_000)


def score(state: _itu_pesq.Reference, estimate: np.ndarray) -> dict[str, float]:
    """Score one estimate; signals over 18 s are scored in a child process."""
    value = _itu_pesq.mos_lqo(state, estimate, "nb")
    return {"pesq_nb": value, "pesq_nb_raw": _itu_pesq.raw_of_mos_lqo(value)}
