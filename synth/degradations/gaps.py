"""Short stretches of silence cut into the signal: drop-outs of a buffer or of a radio link."""

import math
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from percepkit.dsp.draws import uniform, words
from percepkit.synth.degradations._interface import Degradation, Degraded, Parameters, check_signal

__all__ = ["DEGRADATION", "Gaps", "apply"]


class Gaps(Parameters):
    """How much is cut out, in gaps of what length."""

    share: float = Field(0.05, ge=0, le=0.5, description="share of the samples that gaps take")
    shortest_seconds: float = Field(0.0025, gt=0, le=1, description="shortest gap (s)")
    longest_seconds: float = Field(0.0375, gt=0, le=1, description="longest gap (s)")
    fade_seconds: float = Field(0.0, ge=0, le=0.1, description="cosine fades at both ends, inside the gap (s)")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.shortest_seconds > self.longest_seconds:
            raise ValueError(
                f"the shortest gap, {self.shortest_seconds} s, is longer than the longest, "
                f"{self.longest_seconds} s; exchange them"
            )
        return self


def apply(x: np.ndarray, sample_rate: int, parameters: Gaps, key: int) -> Degraded:
    """Cut gaps out of a signal.

    Lengths are near uniform between the shortest and the longest and are adjusted so that the share is
    exactly the one asked, wherever whole gaps can make it up: below half a shortest gap there is none. Gaps
    neither overlap nor touch. A fade is at most half its gap long.

    Returns
    -------
    Degraded
        ``lost`` marks the gaps with their fades. Measured: ``share`` of the samples in gaps, and their
        number ``gaps``.

    References
    ----------
    H. Schröter et al., "DeepFilterNet2", IWAENC 2022, and its data loader: at most 10 % of the samples are
    zeroed, in gaps of 120 to 1800 samples at 48 kHz.

    Examples
    --------
    >>> degraded = apply(np.ones(48_000, np.float32), 48_000, Gaps(share=0.1), 3)
    >>> int((degraded.signal == 0).sum()), degraded.measured["share"]
    (4800, 0.1)
    """
    check_signal(x, sample_rate)
    lengths = _lengths(len(x), sample_rate, parameters, key)
    starts = _starts(len(x), lengths, key)
    lost = np.zeros(len(x), bool)
    gain = np.ones(len(x), np.float32)
    fade = round(parameters.fade_seconds * sample_rate)
    for start, length in zip(starts, lengths, strict=True):
        lost[start : start + length] = True
        gain[start : start + length] = _hole(int(length), fade)
    share = float(lost.mean()) if len(x) else 0.0
    return Degraded(x * gain, {"share": share, "gaps": float(len(lengths))}, lost=lost)


def _lengths(n_samples: int, sample_rate: int, parameters: Gaps, key: int) -> np.ndarray:
    """Lengths of the gaps in samples: as many as the share wants, their sum exact where that is possible."""
    wanted = round(parameters.share * n_samples)
    shortest = max(1, round(parameters.shortest_seconds * sample_rate))
    longest = max(shortest, round(parameters.longest_seconds * sample_rate))
    mean = (shortest + longest) / 2
    count = round(wanted / mean)
    fewest, most = math.ceil(wanted / longest), wanted // shortest
    if fewest <= most:
        count = min(max(count, fewest), most)
    elif wanted - most * longest > (most + 1) * shortest - wanted and (most + 1) * shortest < n_samples:
        count = most + 1
    else:
        count = most
    total = min(max(wanted, count * shortest), count * longest)
    lengths = shortest + (longest - shortest) * uniform(words(key, 0, count))[:, 0]
    # Draw all towards the shortest or the longest, in proportion to what each has left.
    limit = shortest if lengths.sum() > total else longest
    room = float(np.sum(limit - lengths))
    lengths += (limit - lengths) * ((total - lengths.sum()) / room if room else 0.0)
    # Rounding the ends, not the lengths, keeps the sum, and whole bounds too.
    ends = np.floor(np.cumsum(np.clip(lengths, shortest, longest)) + 0.5)
    return np.diff(ends, prepend=0).astype(np.int64)


def _starts(n_samples: int, lengths: np.ndarray, key: int) -> np.ndarray:
    """First samples of the gaps, at random with at least one sample between two gaps."""
    count = len(lengths)
    free = n_samples - int(lengths.sum()) - max(0, count - 1)
    before = np.sort(np.floor(uniform(words(key, 0, count))[:, 1] * (free + 1))).astype(np.int64)
    return before + np.arange(count) + np.cumsum(lengths) - lengths


def _hole(length: int, fade: int) -> np.ndarray:
    """Gain over a gap: a falling and a rising half cosine, nothing between."""
    fade = min(fade, length // 2)
    falling = 0.5 + 0.5 * np.cos(np.pi * np.arange(1, fade + 1) / (fade + 1))
    return np.concatenate([falling, np.zeros(length - 2 * fade), falling[::-1]])


DEGRADATION = Degradation(
    name="gaps",
    summary="short gaps that take an exact share of the signal",
    source="DeepFilterNet (zeroed samples, at most 10 %)",
    parameters=Gaps,
    linear=True,
    apply=apply,
    examples=({"share": 0.1}, {"share": 0.03, "fade_seconds": 0.002}),
)
