"""Normalised speech-to-reverberation modulation energy ratio, which depends less on who speaks and what.

References
----------
J. F. Santos, M. Senoussaoui, T. H. Falk, "An improved non-intrusive intelligibility metric for noisy and
reverberant speech", IWAENC 2014.
"""

import math

import numpy as np

from percepkit.eval.metrics._interface import MetricSpec
from percepkit.eval.metrics._modulation import energy_ratio, modulation_energy, prepare, speech_at_rate

__all__ = ["SPEC", "prepare", "score"]

_HIGHEST_HZ = 30.0  # above it the pitch of the voice counts as reverberation
_RANGE_DB = 30.0

SPEC = MetricSpec(
    names=("srmr_norm",),
    version="1",
    summary="As srmr, with modulation filters up to 30 Hz and energies limited to 30 dB below their peak, so that "
    "pitch and loudness of the voice count less; hears the estimate only.",
    source="Santos, Senoussaoui and Falk, IWAENC 2014, as their MATLAB toolbox computes it",
    unit={"srmr_norm": "1"},
    range={"srmr_norm": (0.0, math.inf)},
    needs="nothing",
    invariances=frozenset({"gain", "polarity"}),
)


def score(state: tuple[int, int], estimate: np.ndarray) -> dict[str, float]:
    """Compute the ratio of the limited energies.

    Examples
    --------
    >>> seconds = np.arange(32_000) / 16_000
    >>> slow, fast = (np.sin(6283 * seconds) * (1 + np.sin(2 * np.pi * f * seconds)) for f in (6, 25))
    >>> score((32_000, 16_000), slow)["srmr_norm"] > 2 > 1 > score((32_000, 16_000), fast)["srmr_norm"]
    True
    """
    speech, rate = speech_at_rate(state, estimate)
    energy = modulation_energy(speech, rate, highest_hz=_HIGHEST_HZ)
    peak = energy.mean(axis=0).max()  # over the bands; one that is louder by itself is limited too
    energy = np.clip(energy, peak * 10 ** (-_RANGE_DB / 10), peak)
    return {"srmr_norm": energy_ratio(energy, rate, highest_hz=_HIGHEST_HZ)}
