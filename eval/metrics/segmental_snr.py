"""Segmental signal-to-noise ratio over all frames, and over those in which the reference is active.

References
----------
.. [1] P. C. Loizou, "Speech Enhancement: Theory and Practice", 2nd ed., CRC Press 2013, section 11.1.
"""

from dataclasses import dataclass

import numpy as np

from percepkit.eval.metrics import _loizou
from percepkit.eval.metrics._interface import MetricSpec, checked_estimate, checked_reference

__all__ = ["SPEC", "Clean", "prepare", "score"]

_LOWEST_DB, _HIGHEST_DB = -10.0, 35.0
_ACTIVE_RANGE_DB = 40.0

SPEC = MetricSpec(
    names=("ssnr", "ssnr_active"),
    version="1",
    summary="Mean SNR of 30 ms frames, each limited to -10 ... 35 dB; ssnr_active takes only the frames within "
    "40 dB of the reference's loudest.",
    source="Loizou, Speech Enhancement, 2013, section 11.1",
    unit={"ssnr": "dB", "ssnr_active": "dB"},
    range={"ssnr": (_LOWEST_DB, _HIGHEST_DB), "ssnr_active": (_LOWEST_DB, _HIGHEST_DB)},
)


@dataclass(frozen=True, eq=False)
class Clean:
    """The reference, its energy in each frame, and the frames in which it is active."""

    signal: np.ndarray  # float64 [n_samples at rate]
    rate: int
    energy: np.ndarray  # [n_frames]
    active: np.ndarray  # bool [n_frames]
    n_samples: int  # at sample_rate
    sample_rate: int


def _energy(x: np.ndarray, rate: int) -> np.ndarray:
    """Energy of the windowed frames; summed without BLAS, whose last bits change with the number of threads."""
    return np.einsum("ij,j->i", _loizou.frames_of(x * x, rate), _loizou.window_of(rate) ** 2)


def prepare(reference: np.ndarray, sample_rate: int) -> Clean:
    """Compute the energy of the reference in each frame.

    Raises
    ------
    Unscorable
        ``rate_mismatch`` below 8 kHz, ``too_short`` below 37.5 ms.
    """
    reference = checked_reference(reference)
    signal, rate = _loizou.signal_at_rate(reference, sample_rate)
    energy = _energy(signal, rate)
    active = energy >= energy.max() * 10 ** (-_ACTIVE_RANGE_DB / 10)
    return Clean(signal, rate, energy, active, len(reference), sample_rate)


def score(state: Clean, estimate: np.ndarray) -> dict[str, float]:
    """Compute both means.

    A frame of digital silence in both signals counts as -10 dB in ``ssnr``, as it does in [1].

    Examples
    --------
    >>> tone = np.sin(np.arange(16_000))
    >>> values = score(prepare(tone, 16_000), 0.9 * tone)
    >>> round(values["ssnr"], 3), round(values["ssnr_active"], 3)
    (20.0, 20.0)
    """
    estimate = checked_estimate(estimate, state.n_samples)
    signal, rate = _loizou.signal_at_rate(estimate, state.sample_rate)
    noise = _energy(state.signal - signal, rate)
    ratio_db = 10 * np.log10(state.energy / (noise + _loizou.EPS) + _loizou.EPS)
    limited = np.clip(ratio_db, _LOWEST_DB, _HIGHEST_DB)
    return {"ssnr": float(np.mean(limited)), "ssnr_active": float(np.mean(limited[state.active]))}
