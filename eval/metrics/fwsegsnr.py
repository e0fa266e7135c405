"""Frequency-weighted segmental signal-to-noise ratio.

References
----------
.. [1] J. M. Tribolet, P. Noll, B. J. McDermott, R. E. Crochiere, "A study of complexity and quality of speech
   waveform coders", ICASSP 1978.
.. [2] Y. Hu, P. C. Loizou, "Evaluation of objective quality measures for speech enhancement", IEEE TASLP 16(1),
   2008, eq. 6.
"""

from dataclasses import dataclass

import numpy as np

from percepkit.eval.metrics import _loizou
from percepkit.eval.metrics._interface import MetricSpec, checked_estimate, checked_reference

__all__ = ["SPEC", "Clean", "prepare", "score"]

_LOWEST_DB, _HIGHEST_DB = -10.0, 35.0
_EXPONENT = 0.2

SPEC = MetricSpec(
    names=("fwsegsnr",),
    version="1",
    summary="SNR of the magnitudes of 25 critical bands up to 3.9 kHz, weighted by the reference's magnitudes "
    "to the power of 0.2; mean over frames of 30 ms, each limited to -10 ... 35 dB.",
    source="Tribolet et al., ICASSP 1978; Hu and Loizou, IEEE TASLP 2008, eq. 6",
    unit={"fwsegsnr": "dB"},
    range={"fwsegsnr": (_LOWEST_DB, _HIGHEST_DB)},
    invariances=frozenset({"gain", "polarity"}),
)


@dataclass(frozen=True, eq=False)
class Clean:
    """Bands of the reference."""

    bands: np.ndarray  # [n_frames, 25]
    weights: np.ndarray  # [n_frames, 25], of sum 1
    n_samples: int
    sample_rate: int


def _bands(x: np.ndarray, sample_rate: int) -> np.ndarray:
    """Magnitudes of the bands of frames whose spectra are scaled to the sum 1, shape (n_frames, 25)."""
    signal, rate = _loizou.signal_at_rate(x, sample_rate)
    bands, total = _loizou.critical_bands(signal, rate, exponent=0.5)
    return bands / total[:, None]


def prepare(reference: np.ndarray, sample_rate: int) -> Clean:
    """Compute the bands of the reference.

    Raises
    ------
    Unscorable
        ``rate_mismatch`` below 8 kHz, ``too_short`` below 37.5 ms.
    """
    reference = checked_reference(reference)
    bands = _bands(reference, sample_rate)
    weights = bands**_EXPONENT
    return Clean(bands, weights / np.sum(weights, axis=1, keepdims=True), len(reference), sample_rate)


def score(state: Clean, estimate: np.ndarray) -> dict[str, float]:
    """Compute the ratio of [2] with its constants.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal(16_000)
    >>> round(score(prepare(noise, 16_000), -3 * noise)["fwsegsnr"], 6)
    35.0
    """
    bands = _bands(checked_estimate(estimate, state.n_samples), state.sample_rate)
    error = np.maximum((state.bands - bands) ** 2, _loizou.EPS)
    ratio_db = 10 * np.log10(np.maximum(state.bands**2 / error, np.finfo(np.float64).tiny))
    per_frame = np.sum(state.weights * ratio_db, axis=1)
    return {"fwsegsnr": float(np.mean(np.clip(per_frame, _LOWEST_DB, _HIGHEST_DB)))}
