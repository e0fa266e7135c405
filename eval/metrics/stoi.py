"""Short-time objective intelligibility, STOI and ESTOI, in one pass and without random numbers.

The values equal those of pystoi 0.4.1 (which follows the authors' MATLAB code, except that it drops the last
frames). Two of its habits are left out: ESTOI adds no noise, a vector without variation correlates with
nothing instead; and too little speech is an error instead of the value 1e-5.

References
----------
.. [1] C. H. Taal, R. C. Hendriks, R. Heusdens, J. Jensen, "An algorithm for intelligibility prediction of
   time-frequency weighted noisy speech", IEEE TASL 19(7), 2011.
.. [2] J. Jensen, C. H. Taal, "An algorithm for predicting the intelligibility of speech masked by modulated
   noise maskers", IEEE/ACM TASLP 24(11), 2016.
"""

from dataclasses import dataclass
from functools import cache
from math import gcd

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import resample_poly

from percepkit.eval.metrics._interface import MetricSpec, Unscorable, checked_estimate, checked_reference

__all__ = ["SPEC", "Clean", "prepare", "score"]

SPEC = MetricSpec(
    names=("stoi", "estoi"),
    version="1",
    summary="Correlation of the short-time third-octave envelopes (150 Hz to 4.3 kHz) with the reference's.",
    source="Taal et al., IEEE TASL 2011; Jensen and Taal, IEEE/ACM TASLP 2016",
    unit={"stoi": "1", "estoi": "1"},
    range={"stoi": (-1.0, 1.0), "estoi": (-1.0, 1.0)},
    invariances=frozenset({"gain", "polarity"}),
)

_RATE = 10_000  # Hz, of the analysis
_FRAME = 256  # samples
_HOP = _FRAME // 2
_N_FFT = 512
_SEGMENT = 30  # frames, 384 ms
_DYNAMIC_RANGE_DB = 40.0
_CLIP = 1 + 10 ** (15 / 20)  # lower bound of the SDR: -15 dB
_WINDOW = np.hanning(_FRAME + 2)[1:-1]
_ROUNDING = 1e-13  # variation below this share of a vector's norm is rounding


@dataclass(frozen=True)
class Clean:
    """The clean side, computed once per reference; arrays of segments are [n_segments, 15, 30]."""

    n_samples: int
    sample_rate: int
    kept: np.ndarray  # bool [n_frames], frames with speech
    segments: np.ndarray
    norms: np.ndarray  # [n_segments, 15, 1]
    stoi_unit: np.ndarray
    estoi_unit: np.ndarray


@cache
def _antialias_filter(up: int, down: int) -> np.ndarray:
    """Kaiser filter of Octave's `resample`: 60 dB rejection, roll-off of a tenth of the cutoff."""
    cutoff = 1 / (2 * max(up, down))
    half = np.ceil((60 - 8) / (28.714 * cutoff / 10))
    t = np.arange(-half, half + 1)
    taps = np.kaiser(len(t), 0.1102 * (60 - 8.7)) * np.sinc(2 * cutoff * t)
    return taps / taps.sum()


def _at_10_khz(x: np.ndarray, sample_rate: int) -> np.ndarray:
    if sample_rate == _RATE:
        return x
    divisor = gcd(_RATE, sample_rate)
    up, down = _RATE // divisor, sample_rate // divisor
    return resample_poly(x, up, down, window=_antialias_filter(up, down))


def _frames(x: np.ndarray) -> np.ndarray:
    """Windowed frames, [n_frames, 256]; like the original, without the frame that ends with the signal."""
    if len(x) <= _FRAME:
        return np.zeros((0, _FRAME))
    return sliding_window_view(x, _FRAME)[: len(x) - _FRAME : _HOP] * _WINDOW


@cache
def _band_edges() -> np.ndarray:
    """First bin of each of the 15 third-octave bands, and the bin after the last."""
    edges_hz = 150 * 2.0 ** ((2 * np.arange(16) - 1) / 6)
    bins_hz = np.arange(_N_FFT // 2 + 1) * (_RATE / _N_FFT)
    return np.abs(bins_hz[:, None] - edges_hz).argmin(axis=0)


def _segments(frames: np.ndarray) -> np.ndarray:
    """Third-octave envelopes of the kept frames, [n_segments, 15, 30], eq. 1 and 2 of [1]."""
    halves = frames.reshape(len(frames), 2, _HOP)
    joined = np.zeros((len(frames) + 1, _HOP))  # overlap-add: the silent frames are cut out
    joined[:-1] += halves[:, 0]
    joined[1:] += halves[:, 1]
    spectrum = np.fft.rfft(_frames(joined.ravel()), _N_FFT)
    edges = _band_edges()
    power = (spectrum.real**2 + spectrum.imag**2)[:, : edges[-1]]
    envelopes = np.sqrt(np.add.reduceat(power, edges[:-1], axis=1))
    return np.ascontiguousarray(sliding_window_view(envelopes, _SEGMENT, axis=0))


def _norm(x: np.ndarray, axis: int) -> np.ndarray:
    return np.sqrt(np.sum(x * x, axis=axis, keepdims=True))


def _unit(x: np.ndarray, axis: int) -> np.ndarray:
    """Remove the mean and divide by the norm; vectors without variation become zero."""
    centred = x - x.mean(axis=axis, keepdims=True)
    norm = _norm(centred, axis)
    norm[norm <= _ROUNDING * _norm(x, axis)] = np.inf
    return np.divide(centred, norm, out=centred)


def prepare(reference: np.ndarray, sample_rate: int) -> Clean:
    """Compute what depends on the reference only.

    Parameters
    ----------
    reference : float array, shape (n_samples,)
    sample_rate : int
        Hz; any, the analysis runs at 10 kHz.

    Raises
    ------
    Unscorable
        ``too_short`` if fewer than 30 frames (about 0.4 s) hold speech.
    """
    reference = checked_reference(reference)
    reference = reference / np.abs(reference).max()
    frames = _frames(_at_10_khz(reference, sample_rate))
    energy = np.sum(frames * frames, axis=1)
    kept = energy > energy.max(initial=0.0) * 10 ** (-_DYNAMIC_RANGE_DB / 10)
    n_kept = int(kept.sum())
    if n_kept <= _SEGMENT:  # joining n frames and cutting them again leaves n - 1
        reason = f"{n_kept} frames of 25.6 ms hold speech, {_SEGMENT + 1} are needed"
        raise Unscorable("too_short", reason)
    segments = _segments(frames[kept])
    return Clean(
        n_samples=len(reference),
        sample_rate=sample_rate,
        kept=kept,
        segments=segments,
        norms=_norm(segments, 2),
        stoi_unit=_unit(segments, 2),
        estoi_unit=_unit(_unit(segments, 2), 1),
    )


def score(state: Clean, estimate: np.ndarray) -> dict[str, float]:
    """Compute STOI [1] and ESTOI [2].

    Examples
    --------
    >>> tone = np.sin(np.arange(16_000) ** 2 * 1e-5)
    >>> values = score(prepare(tone, 16_000), tone)
    >>> round(values["stoi"], 6), round(values["estoi"], 6)
    (1.0, 1.0)
    """
    estimate = checked_estimate(estimate, state.n_samples)
    estimate = estimate / np.abs(estimate).max()
    segments = _segments(_frames(_at_10_khz(estimate, state.sample_rate))[state.kept])
    n_segments, n_bands, _ = segments.shape
    estoi_unit = _unit(_unit(segments, 2), 1)
    norm = _norm(segments, 2)
    gain = np.divide(state.norms, norm, out=np.zeros_like(norm), where=norm > 0)
    clipped = np.minimum(segments * gain, _CLIP * state.segments)  # eq. 3 and 4 of [1]
    stoi_sum = np.sum(_unit(clipped, 2) * state.stoi_unit)
    return {
        "stoi": float(stoi_sum / (n_segments * n_bands)),
        "estoi": float(np.sum(estoi_unit * state.estoi_unit) / (n_segments * _SEGMENT)),
    }
