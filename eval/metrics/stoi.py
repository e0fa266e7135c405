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

import numba
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from percepkit.eval.metrics._interface import MetricSpec, Unscorable, checked_estimate, checked_reference
from percepkit.eval.metrics._octave import resampled

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
_BLOCK = 64  # frames whose spectra fit into the cache
_REORDER = {"reassoc", "contract", "nsz"}  # sums in any order, so that several terms are added at once
_ROUNDING = 1e-13  # variation below this share of a vector's norm is rounding


@dataclass(frozen=True)
class Clean:
    """The clean side, computed once per reference; a segment is 15 bands of 30 frames."""

    n_samples: int
    sample_rate: int
    kept: np.ndarray  # bool [n_frames], frames with speech
    envelopes: np.ndarray  # [15, n_kept - 1]
    moments: np.ndarray  # [n_segments, 15, 3], norm, mean, and one over the norm without the mean
    units: np.ndarray  # [n_segments, 15, 30], normalised for ESTOI


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


def _envelopes(frames: np.ndarray) -> np.ndarray:
    """Third-octave envelopes of the kept frames, [15, n_kept - 1], eq. 1 of [1]."""
    halves = frames.reshape(len(frames), 2, _HOP)
    joined = np.zeros((len(frames) + 1, _HOP))  # overlap-add: the silent frames are cut out
    joined[:-1] += halves[:, 0]
    joined[1:] += halves[:, 1]
    frames = _frames(joined.ravel())
    envelopes = np.empty((len(_band_edges()) - 1, len(frames)))
    for first in range(0, len(frames), _BLOCK):
        part = slice(first, first + _BLOCK)
        _band_sums(np.fft.rfft(frames[part], _N_FFT), _band_edges(), envelopes[:, part])
    return envelopes


@numba.njit(cache=True, nogil=True, fastmath=_REORDER)
def _band_sums(spectrum: np.ndarray, edges: np.ndarray, envelopes: np.ndarray) -> None:
    for i in range(len(spectrum)):
        for band in range(len(edges) - 1):
            bins = spectrum[i, edges[band] : edges[band + 1]]
            total = 0.0
            for k in range(len(bins)):
                total += bins[k].real ** 2 + bins[k].imag ** 2
            envelopes[band, i] = np.sqrt(total)


@numba.njit(cache=True, nogil=True, fastmath=_REORDER)
def _moments(x: np.ndarray) -> tuple[float, float, float]:
    """Norm, mean, and one over the norm without the mean; 0 for a vector without variation."""
    total = power = centred_power = 0.0
    for i in range(len(x)):
        total += x[i]
        power += x[i] * x[i]
    mean = total / len(x)
    for i in range(len(x)):
        centred_power += (x[i] - mean) * (x[i] - mean)
    return np.sqrt(power), mean, 1 / np.sqrt(centred_power) if centred_power > _ROUNDING**2 * power else 0.0


@numba.njit(cache=True, nogil=True, fastmath=_REORDER)
def _estoi_unit(envelopes: np.ndarray, start: int, out: np.ndarray) -> None:
    """Normalise the rows, then the columns of the segment that starts at a frame, eq. 5 and 6 of [2]."""
    n_bands, n = out.shape
    total, power, centred_power = np.zeros(n), np.zeros(n), np.zeros(n)
    for band in range(n_bands):
        row, unit = envelopes[band, start : start + n], out[band]
        _, mean, scale = _moments(row)
        for i in range(n):
            unit[i] = (row[i] - mean) * scale
            total[i] += unit[i]
            power[i] += unit[i] * unit[i]
    for i in range(n):
        total[i] /= n_bands
    for band in range(n_bands):
        unit = out[band]
        for i in range(n):
            unit[i] -= total[i]
            centred_power[i] += unit[i] * unit[i]
    for i in range(n):
        scale = 1 / np.sqrt(centred_power[i]) if centred_power[i] > _ROUNDING**2 * power[i] else 0.0
        centred_power[i] = scale
    for band in range(n_bands):
        unit = out[band]
        for i in range(n):
            unit[i] *= centred_power[i]


@numba.njit(cache=True, nogil=True, fastmath=_REORDER)
def _clean_side(envelopes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Moments and normalised segments of the reference, see `Clean`."""
    n_bands, n_segments = len(envelopes), envelopes.shape[1] - _SEGMENT + 1
    moments, units = np.empty((n_segments, n_bands, 3)), np.empty((n_segments, n_bands, _SEGMENT))
    for start in range(n_segments):
        for band in range(n_bands):
            moments[start, band] = _moments(envelopes[band, start : start + _SEGMENT])
        _estoi_unit(envelopes, start, units[start])
    return moments, units


@numba.njit(cache=True, nogil=True, fastmath=_REORDER)
def _correlations(
    envelopes: np.ndarray, clean: np.ndarray, moments: np.ndarray, units: np.ndarray
) -> tuple[float, float]:
    """Sum of STOI's correlations over segments and bands, and of ESTOI's over segments and frames."""
    n_segments, n_bands, _ = units.shape
    clipped, unit = np.empty(_SEGMENT), np.empty((n_bands, _SEGMENT))
    stoi_sum = estoi_sum = 0.0
    for start in range(n_segments):
        _estoi_unit(envelopes, start, unit)
        for band in range(n_bands):
            segment, reference = envelopes[band, start : start + _SEGMENT], clean[band, start : start + _SEGMENT]
            norm, clean_mean, clean_scale = moments[start, band]
            power = correlation = 0.0
            for i in range(_SEGMENT):
                power += segment[i] * segment[i]
            gain = norm / np.sqrt(power) if power > 0 else 0.0
            for i in range(_SEGMENT):
                clipped[i] = min(segment[i] * gain, _CLIP * reference[i])  # eq. 3 and 4 of [1]
            _, mean, scale = _moments(clipped)
            for i in range(_SEGMENT):  # eq. 5 of [1]
                correlation += (clipped[i] - mean) * (reference[i] - clean_mean)
                estoi_sum += unit[band, i] * units[start, band, i]
            stoi_sum += correlation * scale * clean_scale
    return stoi_sum, estoi_sum


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
    frames = _frames(resampled(reference, sample_rate, _RATE))
    energy = np.sum(frames * frames, axis=1)
    kept = energy > energy.max(initial=0.0) * 10 ** (-_DYNAMIC_RANGE_DB / 10)
    n_kept = int(kept.sum())
    if n_kept <= _SEGMENT:  # joining n frames and cutting them again leaves n - 1
        reason = f"{n_kept} frames of 25.6 ms hold speech, {_SEGMENT + 1} are needed"
        raise Unscorable("too_short", reason)
    envelopes = _envelopes(frames[kept])
    return Clean(len(reference), sample_rate, kept, envelopes, *_clean_side(envelopes))


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
    envelopes = _envelopes(_frames(resampled(estimate, state.sample_rate, _RATE))[state.kept])
    stoi_sum, estoi_sum = _correlations(envelopes, state.envelopes, state.moments, state.units)
    n_segments, n_bands, _ = state.units.shape
    return {"stoi": stoi_sum / (n_segments * n_bands), "estoi": estoi_sum / (n_segments * _SEGMENT)}
