"""Where a target means nothing, and why: damage of the clean recording, silence, bands that do not exist."""

from dataclasses import dataclass
from enum import IntFlag

import numpy as np

from percepkit.dsp.stft import n_frames

__all__ = ["Damage", "Invalid", "clipped_samples", "lost_samples", "silence_floor", "touched_frames"]

ROUNDING_POWER = 2.0**-30 / 12
RUN = 3  # equal samples at the rail that make a clipped one
RAIL = 0.98  # of the largest magnitude
BREAK_STEPS = 5  # of the quantiser: a steeper end of a run is no rounded peak
GAP_SECONDS = 0.005  # of exact zeros amid sound
GAP_CONTEXT_SECONDS = 0.005
GAP_CONTEXT_DB = -30.0  # level of the sound at both ends of a gap, relative to the whole recording


def silence_floor(n_bins: np.ndarray | float, hop: int) -> np.ndarray | float:
    """Energy of a band of ``n_bins`` bins that counts as silent: 3 dB above what rounding to 16 bits leaves there.

    Examples
    --------
    >>> noise = np.random.default_rng(0).uniform(-0.5, 0.5, 480_000) / 2**15
    >>> from percepkit.dsp.stft import analyse
    >>> round(float(silence_floor(481, 480) / np.mean(np.sum(np.abs(analyse(noise, 480)) ** 2, axis=1))), 1)
    2.0
    """
    return 2 * n_bins * hop * ROUNDING_POWER


class Invalid(IntFlag):
    """Reasons for which a band of a frame, or a bin, teaches nothing; they add up.

    SILENT: the noisy signal holds nothing there, so any gain would do. ABOVE_NYQUIST: the sample rate has no such
    band. ABOVE_BANDWIDTH: the clean recording was made or stored with less bandwidth, so its emptiness is no truth
    about speech. CLIPPED, LOST: samples of the clean recording are not what they were. UNVOICED: there is no
    pitch, so that a comb filter has no meaning; gains are not concerned.
    """

    SILENT = 1
    ABOVE_NYQUIST = 2
    ABOVE_BANDWIDTH = 4
    CLIPPED = 8
    LOST = 16
    UNVOICED = 32


@dataclass(frozen=True, eq=False)
class Damage:
    """What is known to be wrong with the clean speech of an item.

    Attributes
    ----------
    bandwidth_hz : float array, shape (n_samples,), or float
        Frequency up to which the recording holds anything; infinite where it is not limited.
    clipped, lost : bool array, shape (n_samples,), or False
    """

    bandwidth_hz: np.ndarray | float = np.inf
    clipped: np.ndarray | bool = False
    lost: np.ndarray | bool = False

    def flags(self, n_samples: int, hop: int, centre_hz: np.ndarray) -> np.ndarray:
        """Reasons for each frame and each band or bin.

        Parameters
        ----------
        n_samples, hop : int
            Of the analysis, see `percepkit.dsp.stft.n_frames`.
        centre_hz : float array, shape (width,)
            Frequencies of the bands or bins.

        Returns
        -------
        uint8 array, shape (frames, width)
            Sums of `Invalid`.

        Examples
        --------
        >>> Damage(bandwidth_hz=4000.0).flags(100, 80, np.array([3000.0, 5000.0])).tolist()
        [[0, 4], [0, 4], [0, 4]]
        """
        for name, values in vars(self).items():
            if np.shape(values) not in ((), (n_samples,)):
                raise ValueError(
                    f"expected {name} for {n_samples} samples, or one value, found shape {np.shape(values)}"
                )
        frames = n_frames(n_samples, hop)
        limit = (
            np.full(frames, self.bandwidth_hz)
            if np.ndim(self.bandwidth_hz) == 0
            else _over_frames(np.asarray(self.bandwidth_hz), hop, np.inf, np.minimum)
        )
        out = np.where(limit[:, None] < centre_hz, Invalid.ABOVE_BANDWIDTH, 0).astype(np.uint8)
        for samples, reason in ((self.clipped, Invalid.CLIPPED), (self.lost, Invalid.LOST)):
            if not isinstance(samples, bool):
                out |= np.where(touched_frames(samples, hop), reason, 0).astype(np.uint8)[:, None]
            elif samples:
                out |= np.full((frames, 1), reason, np.uint8)
        return out


def touched_frames(samples: np.ndarray, hop: int) -> np.ndarray:
    """Frames of `percepkit.dsp.stft.analyse` that hold any of the samples that are True.

    Examples
    --------
    >>> touched_frames(np.arange(400) == 100, 80).tolist()
    [False, True, True, False, False, False]
    """
    return _over_frames(samples, hop, False, np.logical_or)


def _over_frames(x: np.ndarray, hop: int, outside: float | bool, reduce: np.ufunc) -> np.ndarray:
    """Reduce each frame to one value; samples outside the signal count as ``outside``."""
    frames = n_frames(len(x), hop)
    padded = np.full((frames + 1) * hop, outside, dtype=np.result_type(x, outside))
    padded[hop : hop + len(x)] = x
    hops = reduce.reduce(padded.reshape(-1, hop), axis=1)
    return reduce(hops[:-1], hops[1:])


def clipped_samples(x: np.ndarray) -> np.ndarray:
    """Samples in runs of at least three equal ones at the rail, the largest magnitude of a recording.

    The run must break off: where a smooth peak is flat only because it was rounded, three equal samples lie on a
    parabola less than a step high, which has fallen by at most 4.5 steps one sample further. A recording that was
    clipped before it was turned down counts too, as long as its steps show it; a square wave would.

    Parameters
    ----------
    x : float array, shape (n_samples,)
        As the file holds it: resampling rounds the flat tops off.

    Returns
    -------
    bool array, shape (n_samples,)

    Examples
    --------
    >>> clipped_samples(np.array([0.2, 0.9, 0.9, 0.9, -0.9, 0.3])).tolist()
    [False, True, True, True, False, False]
    """
    magnitude = np.abs(x)
    peak = magnitude.max(initial=0.0)
    out = _in_runs(magnitude >= RAIL * peak, x, RUN) & (x != 0)
    if not out.any():
        return out
    edges = np.flatnonzero(np.diff(np.concatenate([[0], out.view(np.int8), [0]])))
    # Runs of both polarities, or of two levels, may touch.
    inner = 1 + np.flatnonzero(out[1:] & out[:-1] & (np.diff(x) != 0))
    begins, ends = np.sort(np.append(edges[::2], inner)), np.sort(np.append(edges[1::2], inner))
    before = np.where(begins > 0, np.abs(x[begins] - x[begins - 1]), 0)
    after = np.where(ends < len(x), np.abs(x[ends - 1] - x[np.minimum(ends, len(x) - 1)]), 0)
    broken_off = np.maximum(before, after) > BREAK_STEPS * _step(magnitude, peak)
    for begin, end in zip(begins[~broken_off], ends[~broken_off], strict=True):
        out[begin:end] = False
    return out


def _step(magnitude: np.ndarray, peak: float) -> float:
    """Distance between neighbouring values that a recording can take near its peak, or else at all."""
    levels = np.unique(magnitude[magnitude >= peak / 2])
    if len(levels) == 1:
        levels = np.unique(magnitude)
    finest = peak * float(np.finfo(np.float32).eps)
    gaps = np.diff(levels)
    return float(gaps[gaps >= finest].min(initial=peak)) if (gaps >= finest).any() else finest


def lost_samples(x: np.ndarray, sample_rate: int) -> np.ndarray:
    """Samples in gaps of exact zeros, 5 ms or longer, that break off sound: lost packets, muted stretches.

    The digital silence of a gated recording begins and ends in quiet and does not count.

    Parameters
    ----------
    x : float array, shape (n_samples,)
    sample_rate : int
        In Hz.

    Returns
    -------
    bool array, shape (n_samples,)
    """
    lost = _in_runs(x == 0, x, max(1, round(GAP_SECONDS * sample_rate)))
    if not lost.any() or not x.any():
        return np.zeros(len(x), bool)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], lost.view(np.int8), [0]])))
    context = max(1, round(GAP_CONTEXT_SECONDS * sample_rate))
    floor = np.mean(x.astype(np.float64) ** 2) * 10 ** (GAP_CONTEXT_DB / 10)
    power = np.concatenate([[0.0], np.cumsum(x.astype(np.float64) ** 2)])
    for begin, end in edges.reshape(-1, 2):
        before = power[begin] - power[max(begin - context, 0)]
        after = power[min(end + context, len(x))] - power[end]
        if min(before, after) <= floor * context:
            lost[begin:end] = False
    return lost


def _in_runs(wanted: np.ndarray, x: np.ndarray, shortest: int) -> np.ndarray:
    """Samples that are ``wanted`` and lie in a run of equal wanted values at least ``shortest`` long."""
    out = np.zeros(len(x), bool)
    hits = np.flatnonzero(wanted)
    if len(hits) >= shortest:
        begins = np.flatnonzero(np.append(True, (np.diff(hits) > 1) | (np.diff(x[hits]) != 0)))
        lengths = np.diff(np.append(begins, len(hits)))
        out[hits] = np.repeat(lengths >= shortest, lengths)
    return out
