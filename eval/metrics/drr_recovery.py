"""Recovery of the direct-to-reverberant ratio and of the clarity: how much of its room the speech has lost.

The response that leads from the dry speech to a signal is found by least squares and cut in two. The ratio of the
energies that both parts make of the dry speech is taken: for the speech in its room, which gives the room's own
ratio, and for the estimate. What does not depend linearly on the dry speech, noise above all, falls on all taps
alike; what falls on those before the direct path tells how much, and is taken off.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.fft import next_fast_len, rfft
from scipy.signal import lfilter

from percepkit.audio.resampling import resample
from percepkit.dsp.rir import DIRECT_SECONDS, EARLY_SECONDS
from percepkit.dsp.system_response import find_response, whitening_filter
from percepkit.eval.metrics._interface import MetricSpec, Unscorable, checked_estimate, checked_reference

__all__ = ["SPEC", "Room", "prepare", "ratios_db", "score"]

SPEC = MetricSpec(
    names=("drr_recovery", "c50_recovery"),
    version="1",
    summary="By how many dB the direct-to-reverberant ratio (2.5 ms) and the clarity (50 ms) of the response from "
    "the dry speech rise above the room's own; ratios above 30 dB count as 30. Items with rooms only.",
    source="own definition; least-squares response, ratios after ISO 3382-1",
    unit={"drr_recovery": "dB", "c50_recovery": "dB"},
    range={"drr_recovery": (-math.inf, math.inf), "c50_recovery": (-math.inf, math.inf)},
    needs="room",
    invariances=frozenset({"gain", "polarity"}),
)

_RATE = 16_000  # speech has little above 8 kHz to hear a room with
_SHORTEST_SECONDS = 2.0
_BEFORE_SECONDS, _AFTER_SECONDS = 0.16, 0.5
_GUARD_SECONDS = 0.03  # before the direct path: frames of a denoiser may smear it that far
_ORDER, _FLOOR_DB = 32, 5.0
_HIGHEST_DB = 30.0
_RESOLVED = 0.2  # of what is taken off: less than that cannot be told from nothing


@dataclass(frozen=True, eq=False)
class Room:
    """Dry speech, flattened, and the ratios of the room that it stands in."""

    dry: np.ndarray
    whitening: np.ndarray
    own_db: tuple[float, float]
    rate: int
    sample_rate: int
    n_samples: int

    def flattened(self, signal: np.ndarray) -> np.ndarray:
        """A signal at the working rate, behind the filter that flattens the dry speech."""
        signal = resample(signal / np.abs(signal).max(), self.sample_rate, self.rate)
        return lfilter(self.whitening, 1.0, signal)


def prepare(reference: np.ndarray, sample_rate: int, *, dry: np.ndarray, speech: np.ndarray) -> Room:
    """Find the ratios of the room from the speech in it; the reference itself plays no role.

    Parameters
    ----------
    reference, dry, speech : float array, shape (n_samples,)
        ``dry`` is the speech as the direct path brings it, ``speech`` as it stands in the mixture.
    sample_rate : int
        In Hz.

    Raises
    ------
    Unscorable
        ``too_short`` below 2 s.
    """
    if len(reference) < _SHORTEST_SECONDS * sample_rate:
        reason = f"{len(reference) / sample_rate:.3g} s, {_SHORTEST_SECONDS:g} s are needed to find a room"
        raise Unscorable("too_short", reason)
    dry, speech = checked_reference(dry), checked_reference(speech)
    rate = min(sample_rate, _RATE)
    slow = resample(dry / np.abs(dry).max(), sample_rate, rate)
    whitening = whitening_filter(slow, order=_ORDER, floor_db=_FLOOR_DB)
    room = Room(lfilter(whitening, 1.0, slow), whitening, (0.0, 0.0), rate, sample_rate, len(reference))
    return replace(room, own_db=ratios_db(room.dry, room.flattened(speech), rate))


def score(state: Room, estimate: np.ndarray) -> dict[str, float]:
    """Find the ratios of the estimate and take off the room's own.

    Raises
    ------
    Unscorable
        ``no_alignment`` if the direct path of the dry speech does not stand out in the estimate.
    """
    estimate = state.flattened(checked_estimate(estimate, state.n_samples))
    found = ratios_db(state.dry, estimate, state.rate)
    return {name: after - own for name, after, own in zip(SPEC.names, found, state.own_db, strict=True)}


def ratios_db(dry: np.ndarray, signal: np.ndarray, sample_rate: int) -> tuple[float, float]:
    """Direct-to-reverberant ratio and clarity of the response from dry speech to a signal, in dB, 30 at most.

    Examples
    --------
    >>> dry = np.random.default_rng(0).standard_normal(64_000)
    >>> wet = dry + 0.5 * np.roll(dry, 100) + 0.1 * np.roll(dry, 2000)
    >>> [round(ratio) for ratio in ratios_db(dry, wet, 16_000)]
    [6, 21]
    """
    n_before, n_after = (round(seconds * sample_rate) for seconds in (_BEFORE_SECONDS, _AFTER_SECONDS))
    response = find_response(dry, signal, n_before=n_before, n_after=n_after)
    times = (np.arange(len(response)) - n_before) / sample_rate
    n_fft = next_fast_len(len(dry) + len(response), real=True)
    spectrum = rfft(dry, n_fft)

    def energy(taps: np.ndarray) -> float:
        part = spectrum * rfft(np.where(taps, response, 0.0), n_fft)
        return float(np.sum(part.real**2 + part.imag**2))

    floor = energy(times < -_GUARD_SECONDS) / np.sum(times < -_GUARD_SECONDS)

    def ratio_db(seconds: float) -> float:
        near, far = (times >= -DIRECT_SECONDS) & (times <= seconds), times > seconds
        wanted = energy(near) - floor * np.sum(near)
        if wanted <= _RESOLVED * floor * np.sum(near):
            raise Unscorable("no_alignment", "the direct path of the dry speech does not stand out")
        noise = floor * np.sum(far)
        rest = max(energy(far) - noise, _RESOLVED * noise)
        return 10 * math.log10(wanted / max(rest, wanted * 10 ** (-_HIGHEST_DB / 10)))

    return ratio_db(DIRECT_SECONDS), ratio_db(EARLY_SECONDS)
