"""Energies of the modulations of speech, which both forms of the speech-to-reverberation ratio are made of.

The definition is that of the authors' MATLAB code (SRMR Toolbox): pauses are cut out first, and frames start
before the signal. SRMRpy does neither; what lies between, filters, envelopes and window, is the same in both.
"""

import math
from functools import lru_cache

import numba
import numpy as np
from scipy.fft import ifft, next_fast_len, rfft

from percepkit.audio.resampling import resample
from percepkit.eval.metrics._interface import Unscorable, checked_estimate

__all__ = ["cut_pauses", "energy_ratio", "modulation_energy", "prepare", "speech_at_rate"]

_N_BANDS = 23
_LOWEST_HZ = 125.0
_EAR_Q, _LEAST_BANDWIDTH_HZ = 9.26449, 24.7  # Glasberg and Moore; bandwidth = centre / Q + the least
_N_MODULATIONS = 8
_LOWEST_MODULATION_HZ = 4.0
_MODULATION_Q = 2.0
_FRAME_SECONDS, _HOP_SECONDS = 0.256, 0.064
_HOPS_PER_FRAME = 4
_PAUSE_DB, _PAUSE_SECONDS = 50.0, 0.05
_RINGING_SECONDS = 0.3  # the slowest gammatone filter is 200 dB down by then
_SPEECH_MODULATIONS = 4
_HEARD_SHARE = 0.9


def prepare(reference: np.ndarray, sample_rate: int) -> tuple[int, int]:
    """Look at nothing of the reference but its length: the ratios judge the estimate alone.

    Returns
    -------
    tuple of int
        Number of samples and sample rate in Hz.

    Raises
    ------
    Unscorable
        ``rate_mismatch`` below 8 kHz.
    """
    if sample_rate < 8_000:
        raise Unscorable("rate_mismatch", f"SRMR is defined at 8 and 16 kHz, got {sample_rate} Hz")
    return len(reference), sample_rate


def speech_at_rate(state: tuple[int, int], estimate: np.ndarray) -> tuple[np.ndarray, int]:
    """Check an estimate and bring it to 16 kHz, or to 8 kHz from below that, without its pauses.

    Raises
    ------
    Unscorable
        ``too_short`` if less than one frame of 256 ms is left.
    """
    n_samples, sample_rate = state
    estimate = checked_estimate(estimate, n_samples)
    rate = 16_000 if sample_rate >= 16_000 else 8_000
    speech = cut_pauses(resample(estimate / np.abs(estimate).max(), sample_rate, rate), rate)
    if len(speech) < _FRAME_SECONDS * rate:
        raise Unscorable("too_short", f"{len(speech) / rate:.3g} s without pauses, {_FRAME_SECONDS} s are needed")
    return speech, rate


def cut_pauses(signal: np.ndarray, sample_rate: int) -> np.ndarray:
    """Leave out each stretch over 50 ms in which no sample comes within 50 dB of the largest.

    Examples
    --------
    >>> signal = np.r_[1.0, np.zeros(499), 1.0, np.zeros(99), 1.0]
    >>> len(cut_pauses(signal, 8000))
    102
    """
    loud = np.flatnonzero(np.abs(signal) > np.abs(signal).max() * 10 ** (-_PAUSE_DB / 20))
    breaks = np.flatnonzero(np.diff(loud) > _PAUSE_SECONDS * sample_rate)
    first, last = loud[np.r_[0, breaks + 1]], loud[np.r_[breaks, len(loud) - 1]]
    return np.concatenate([signal[start : end + 1] for start, end in zip(first, last, strict=True)])


def modulation_energy(signal: np.ndarray, sample_rate: int, *, highest_hz: float) -> np.ndarray:
    """Energy of the band envelopes behind the modulation filters, frame by frame.

    Parameters
    ----------
    signal : float64 array, shape (n_samples,)
    sample_rate : int
        8000 or 16000 Hz: the bands reach to half of it.
    highest_hz : float
        Centre of the highest modulation filter; the lowest is at 4 Hz.

    Returns
    -------
    float64 array, shape (23, 8, n_frames)
        Bands from high to low, modulations from low to high; a frame every 64 ms, the first three of which start
        before the signal.
    """
    n_fft = next_fast_len(len(signal) + round(_RINGING_SECONDS * sample_rate))
    spectrum = 2 * rfft(
        signal, n_fft
    )  # of positive frequencies only: the envelope is the magnitude of what results
    bins = 2 * np.pi / n_fft * np.arange(len(spectrum))
    hop = math.ceil(_HOP_SECONDS * sample_rate)
    window = np.hamming(_HOPS_PER_FRAME * hop) ** 2
    filters = _modulation_filters(highest_hz, sample_rate)
    n_frames = -(-len(signal) // hop)
    energy = np.empty((_N_BANDS, _N_MODULATIONS, n_frames))
    for index, centre_hz in enumerate(_centres_hz(sample_rate)):
        band = np.zeros(n_fft, complex)
        band[: len(spectrum)] = spectrum * _gammatone(centre_hz, sample_rate, bins)
        envelope = np.abs(ifft(band, overwrite_x=True)[: len(signal)])
        energy[index] = _framed_energy(envelope, filters, window, hop)[:n_frames].T
    return energy


def energy_ratio(energy: np.ndarray, sample_rate: int, *, highest_hz: float) -> float:
    """Energy of the four slow modulations over that of the fast ones [1]_, eq. 5 to 7.

    Fast modulations count up to the bandwidth of the ear's filter below which 90 % of the energy lies: no filter
    lets faster ones through.

    References
    ----------
    .. [1] T. H. Falk, C. Zheng, W.-Y. Chan, "A non-intrusive quality and intelligibility measure of reverberant
       and dereverberated speech", IEEE TASLP 18(7), 2010.
    """
    mean = energy.mean(axis=2)
    from_below = np.cumsum(mean.sum(axis=1)[::-1])
    heard = int(np.argmax(from_below > _HEARD_SHARE * from_below[-1]))
    bandwidth_hz = _bandwidths_hz(_centres_hz(sample_rate))[::-1][heard]
    centres_hz = _modulations_hz(highest_hz)
    lower_hz = centres_hz - np.tan(np.pi * centres_hz / sample_rate) / _MODULATION_Q * sample_rate / (2 * np.pi)
    n_used = int(np.sum(bandwidth_hz > lower_hz))
    return float(mean[:, :_SPEECH_MODULATIONS].sum() / mean[:, _SPEECH_MODULATIONS:n_used].sum())


def _centres_hz(sample_rate: int) -> np.ndarray:
    """Centres of the bands, evenly spaced on the ERB scale, from high to low; half the rate itself is none."""
    offset, top = _EAR_Q * _LEAST_BANDWIDTH_HZ, sample_rate / 2
    shares = np.arange(1, _N_BANDS + 1) / _N_BANDS
    return (top + offset) * ((_LOWEST_HZ + offset) / (top + offset)) ** shares - offset


def _bandwidths_hz(centres_hz: np.ndarray) -> np.ndarray:
    return centres_hz / _EAR_Q + _LEAST_BANDWIDTH_HZ


def _modulations_hz(highest_hz: float) -> np.ndarray:
    shares = np.arange(_N_MODULATIONS) / (_N_MODULATIONS - 1)
    return _LOWEST_MODULATION_HZ * (highest_hz / _LOWEST_MODULATION_HZ) ** shares


def _gammatone(centre_hz: float, sample_rate: int, bins: np.ndarray) -> np.ndarray:
    """Response of the gammatone filter as four sections of second order, 1 at its centre.

    References
    ----------
    M. Slaney, "An efficient implementation of the Patterson-Holdsworth auditory filter bank", Apple technical
    report 35, 1993.
    """
    angle = 2 * np.pi * centre_hz / sample_rate
    width = 1.019 * 2 * np.pi * _bandwidths_hz(np.array(centre_hz)) / sample_rate
    poles = np.exp(-width)
    roots = np.array(
        [math.sqrt(3 + 2**1.5), -math.sqrt(3 + 2**1.5), math.sqrt(3 - 2**1.5), -math.sqrt(3 - 2**1.5)]
    )
    zeros = poles * (math.cos(angle) + roots * math.sin(angle))

    def response(delay: np.ndarray) -> np.ndarray:
        section = 1 - 2 * math.cos(angle) * poles * delay + poles**2 * delay**2
        return np.prod([1 - zero * delay for zero in zeros], axis=0) / section**4

    return response(np.exp(-1j * bins)) / abs(response(np.exp(-1j * np.array(angle))))


@lru_cache(maxsize=8)
def _modulation_filters(highest_hz: float, sample_rate: int) -> np.ndarray:
    """Coefficients b0, a1 and a2 of second-order band-pass filters (b1 is 0, b2 is -b0), shape (3, 8)."""
    warped = np.tan(np.pi * _modulations_hz(highest_hz) / sample_rate)
    width = warped / _MODULATION_Q
    return np.stack([width, 2 * warped**2 - 2, 1 - width + warped**2]) / (1 + width + warped**2)


@numba.njit(cache=True, nogil=True)
def _framed_energy(envelope: np.ndarray, filters: np.ndarray, window: np.ndarray, hop: int) -> np.ndarray:
    """Energy behind each filter in overlapping frames, shape (n_frames + 3, 8); the last 3 are not complete."""
    n_filters = filters.shape[1]
    energy = np.zeros((-(-len(envelope) // hop) + _HOPS_PER_FRAME - 1, n_filters))
    first, second = np.zeros(n_filters), np.zeros(n_filters)
    for t in range(len(envelope)):
        block, offset, x = t // hop, t % hop, envelope[t]
        for k in range(n_filters):
            y = filters[0, k] * x + first[k]
            first[k] = second[k] - filters[1, k] * y
            second[k] = -filters[0, k] * x - filters[2, k] * y
            power = y * y
            for q in range(_HOPS_PER_FRAME):
                energy[block + q, k] += power * window[offset + (_HOPS_PER_FRAME - 1 - q) * hop]
    return energy
