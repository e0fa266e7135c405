"""Audit of the waveform: which share of an estimate is clipped, and which part of the speech it mutes.

These are no measures of quality: a denoiser that mutes single words keeps most of its PESQ.
"""

from dataclasses import dataclass

import numpy as np

from percepkit.dsp.validity import clipped_samples
from percepkit.eval.metrics._interface import MetricSpec, Unscorable, checked_estimate, checked_reference

__all__ = ["SPEC", "Clean", "prepare", "score"]

_FRAME_SECONDS = 0.02
_ACTIVE_RANGE_DB = 40.0
_MUTED_DB = 30.0

SPEC = MetricSpec(
    names=("clipped_share", "muted_share"),
    version="1",
    summary="Audit, no quality: share of the estimate's samples in flat tops at its largest magnitude, and share "
    "of the reference's active frames (20 ms, within 40 dB of the loudest) in which the estimate lies 30 dB or "
    "more below its level elsewhere.",
    source="own definition",
    unit={"clipped_share": "1", "muted_share": "1"},
    range={"clipped_share": (0.0, 1.0), "muted_share": (0.0, 1.0)},
    better="lower",
    invariances=frozenset({"gain", "polarity"}),
)


@dataclass(frozen=True, eq=False)
class Clean:
    """Energy of the reference in its active frames."""

    active: np.ndarray  # bool [n_frames]
    energy: np.ndarray  # [n_active]
    n_frame: int
    n_samples: int


def _energy(x: np.ndarray, n_frame: int) -> np.ndarray:
    """Energy of the complete frames, one after another, of a signal scaled to the peak 1."""
    frames = (x / np.abs(x).max())[: len(x) // n_frame * n_frame].reshape(-1, n_frame)
    return np.asarray(np.sum(frames * frames, axis=1))


def prepare(reference: np.ndarray, sample_rate: int) -> Clean:
    """Find the active frames of the reference.

    Raises
    ------
    Unscorable
        ``too_short`` below 20 ms, or if only the samples after the last complete frame hold signal.
    """
    reference = checked_reference(reference)
    n_frame = round(_FRAME_SECONDS * sample_rate)
    energy = _energy(reference, n_frame) if len(reference) >= n_frame > 0 else np.zeros(1)
    if not energy.any():
        raise Unscorable("too_short", f"{len(reference)} samples hold no complete frame of {n_frame} with signal")
    active = energy >= energy.max() * 10 ** (-_ACTIVE_RANGE_DB / 10)
    return Clean(active, energy[active], n_frame, len(reference))


def score(state: Clean, estimate: np.ndarray) -> dict[str, float]:
    """Find both shares; the level elsewhere is that of all active frames together.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal(16_000)
    >>> muted = noise * (np.arange(16_000) >= 4_000)
    >>> score(prepare(noise, 16_000), np.clip(muted, -9, 9))["muted_share"]
    0.24
    """
    estimate = checked_estimate(estimate, state.n_samples)
    energy = _energy(estimate, state.n_frame)[state.active]
    gain = np.sum(energy) / np.sum(state.energy)
    muted = energy <= state.energy * gain * 10 ** (-_MUTED_DB / 10)
    return {"clipped_share": float(np.mean(clipped_samples(estimate))), "muted_share": float(np.mean(muted))}
