"""Clipping, hard or soft, to a share of the peak or to a wanted distortion."""

import math
from typing import Literal, Self

import numba
import numpy as np
from pydantic import Field, model_validator
from scipy.optimize import brentq

from percepkit.synth.degradations._interface import (
    Degradation,
    Degraded,
    Parameters,
    check_signal,
    energy_ratio_db,
    finite,
)

__all__ = ["DEGRADATION", "Clipping", "Kind", "apply"]

Kind = Literal["hard", "tanh"]

# Thresholds over the peak between which every allowed distortion lies.
LOWEST, HIGHEST = 1e-6, 1e3
NO_ERROR = 1e-3  # stands for an error energy of 0, relative to the wanted one


class Clipping(Parameters):
    """How much and how; exactly one of ``threshold`` and ``sdr_db`` is given."""

    threshold: float | None = Field(None, ge=0.01, le=1, description="limit over the signal's peak")
    sdr_db: float | None = Field(None, ge=1, le=60, description="energy of the signal over that of the error (dB)")
    kind: Kind = Field("hard", description="cut off at the limit, or bend towards it")

    @model_validator(mode="after")
    def _one_amount(self) -> Self:
        if (self.threshold is None) == (self.sdr_db is None):
            raise ValueError("clipping takes either `threshold` or `sdr_db`, not both or neither")
        return self


def apply(x: np.ndarray, sample_rate: int, parameters: Clipping, key: int) -> Degraded:
    """Clip a signal; nothing is scaled, and small samples keep their values.

    With the limit t, ``hard`` gives max(-t, min(x, t)) and ``tanh`` gives t tanh(x / t). Samples beyond t
    count as clipped in both.

    Returns
    -------
    Degraded
        ``clipped``, and of measurements ``sdr_db``, ``clipped_share`` (0 to 1) and ``limit`` (full scale 1).

    Notes
    -----
    An SDR in dB is 10 log10 of a ratio of energies; it falls steadily with the limit, which is found to
    1e-8 of itself.

    Examples
    --------
    >>> degraded = apply(np.float32([0.2, -0.9, 1.0]), 16_000, Clipping(threshold=0.5), 0)
    >>> degraded.signal, degraded.clipped
    (array([ 0.2, -0.5,  0.5], dtype=float32), array([False,  True,  True]))
    """
    check_signal(x, sample_rate)
    peak = float(np.max(np.abs(x), initial=0.0))
    if peak == 0:
        return Degraded(x.copy(), clipped=np.zeros(len(x), bool))
    share = parameters.threshold or _share_for(x, peak, parameters)
    y = _clip(x.astype(np.float64), share * peak, parameters.kind).astype(np.float32)
    clipped = np.abs(x) > share * peak
    measured = finite(
        sdr_db=energy_ratio_db(x, y.astype(np.float64) - x), clipped_share=clipped.mean(), limit=share * peak
    )
    return Degraded(y, measured, clipped=clipped)


def _clip(x: np.ndarray, limit: float, kind: Kind) -> np.ndarray:
    return np.clip(x, -limit, limit) if kind == "hard" else limit * np.tanh(x / limit)


@numba.njit(cache=True, nogil=True)
def _error_energy(magnitude: np.ndarray, limit: float, soft: bool) -> float:
    energy = 0.0
    for m in magnitude:
        if soft:
            energy += (m - limit * math.tanh(m / limit)) ** 2
        elif m > limit:
            energy += (m - limit) ** 2
    return energy


def _share_for(x: np.ndarray, peak: float, parameters: Clipping) -> float:
    """Limit over the peak at which the distortion is as wanted."""
    magnitude = np.abs(x).astype(np.float64) / peak
    wanted = 10 ** (-(parameters.sdr_db or 0.0) / 10) * float(np.sum(magnitude**2))

    def excess(log_share: float) -> float:
        energy = _error_energy(magnitude, math.exp(log_share), parameters.kind == "tanh")
        return math.log(max(energy / wanted, NO_ERROR))  # nearly straight over the logarithm of the limit

    return math.exp(brentq(excess, math.log(LOWEST), math.log(HIGHEST), xtol=1e-8))


DEGRADATION = Degradation(
    name="clipping",
    summary="hard or soft clipping by threshold or by signal-to-distortion ratio",
    source="DeepFilterNet, RNNoise and URGENT 2024 (clipping of the input)",
    parameters=Clipping,
    linear=False,
    apply=apply,
    examples=(
        {"threshold": 0.25},
        {"sdr_db": 10},
        {"threshold": 0.5, "kind": "tanh"},
        {"sdr_db": 15, "kind": "tanh"},
    ),
)
