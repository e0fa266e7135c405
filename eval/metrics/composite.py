"""Composite measures of signal distortion (CSIG), background intrusiveness (CBAK) and overall quality (COVL).

References
----------
Y. Hu, P. C. Loizou, "Evaluation of objective quality measures for speech enhancement", IEEE TASLP 16(1), 2008,
with the coefficients of the authors' program; PESQ is the wideband MOS-LQO, as in the literature since 2017.
"""

from dataclasses import dataclass

import numpy as np

from percepkit.eval.metrics import _itu_pesq, linear_prediction, segmental_snr, wss
from percepkit.eval.metrics._interface import MetricSpec, Unscorable

__all__ = ["SPEC", "Clean", "prepare", "score"]

_NAMES = ("csig", "cbak", "covl")

SPEC = MetricSpec(
    names=_NAMES,
    version=f"1+{_itu_pesq.VERSION}",
    summary="Predicted opinion of the speech (csig), the background (cbak) and the whole (covl), regressed on "
    "PESQ (wideband; at 8 kHz the raw narrowband score), LLR (frames not limited), WSS and segmental SNR.",
    source="Hu and Loizou, IEEE TASLP 2008",
    unit=dict.fromkeys(_NAMES, "MOS"),
    range=dict.fromkeys(_NAMES, (1.0, 5.0)),
)


@dataclass(frozen=True, eq=False)
class Clean:
    """The reference, prepared for the four measures."""

    pesq: _itu_pesq.Reference
    prediction: linear_prediction.Clean
    slopes: wss.Clean
    segments: segmental_snr.Clean


def prepare(reference: np.ndarray, sample_rate: int) -> Clean:
    """Prepare the four measures.

    Raises
    ------
    Unscorable
        ``rate_mismatch`` unless the rate is 8 kHz, or 16 kHz or more: the coefficients hold for no other PESQ.
    """
    if sample_rate != 8_000 and sample_rate < 16_000:
        raise Unscorable("rate_mismatch", f"needs 8000 Hz, or 16000 Hz or more, got {sample_rate} Hz")
    return Clean(
        pesq=_itu_pesq.reference_at(reference, sample_rate, min(sample_rate, 16_000)),
        prediction=linear_prediction.prepare(reference, sample_rate),
        slopes=wss.prepare(reference, sample_rate),
        segments=segmental_snr.prepare(reference, sample_rate),
    )


def score(state: Clean, estimate: np.ndarray) -> dict[str, float]:
    """Compute the three opinions, each limited to 1 ... 5; without a PESQ score there is none.

    Raises
    ------
    Unscorable
        For whatever PESQ cannot score.
    """
    if state.pesq.pesq_rate == 8_000:
        pesq = _itu_pesq.raw_of_mos_lqo(_itu_pesq.mos_lqo(state.pesq, estimate, "nb"))
    else:
        pesq = _itu_pesq.mos_lqo(state.pesq, estimate, "wb")
    llr = linear_prediction.mean_llr(state.prediction, estimate)
    slope = wss.score(state.slopes, estimate)["wss"]
    ssnr = segmental_snr.score(state.segments, estimate)["ssnr"]
    opinions = {
        "csig": 3.093 - 1.029 * llr + 0.603 * pesq - 0.009 * slope,
        "cbak": 1.634 + 0.478 * pesq - 0.007 * slope + 0.063 * ssnr,
        "covl": 1.594 + 0.805 * pesq - 0.512 * llr - 0.007 * slope,
    }
    return {name: min(5.0, max(1.0, value)) for name, value in opinions.items()}
