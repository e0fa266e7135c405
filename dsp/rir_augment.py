"""Changing room impulse responses: their direct-to-reverberant ratio, reverberation time, early part and tail.

All functions take and give one channel whose direct path stays where it is, whatever its polarity and onset.

References
----------
N. J. Bryan, "Impulse response data augmentation and deep neural networks for blind room acoustic parameter
estimation", ICASSP 2020 (arXiv 1909.03642).
J.-M. Valin et al., "Low-complexity, real-time joint neural echo control and speech enhancement based on
PercepNet", ICASSP 2021: early reflections scaled by 0.5 to 1.5, targets with an RT60 of 200 ms.
"""

import math

import numpy as np
import scipy.fft

from percepkit.dsp import rir
from percepkit.dsp.draws import key_of, normal_samples
from percepkit.dsp.rir import direct_path, drr_db

__all__ = ["direct_response", "scale_early", "set_drr", "set_rt60", "shape_decay"]

DIRECT_SECONDS = 0.0025  # half width of the direct path, as in the DRR
FADE_SECONDS = 0.001
CENTRES_HZ = 125.0 * 2.0 ** np.arange(8)  # octave bands
DECAY = math.log(1000)  # RT60 times the rate of an exponential amplitude
FLOOR_MARGIN_DB = 10.0  # above the noise floor, where a measured decay is replaced by a drawn one
TRIES = 6  # of the overall rate, until the measured RT60 is as asked
TOLERANCE = 0.01


def direct_response(h: np.ndarray, sample_rate: int) -> np.ndarray:
    """The direct path as it was measured: 2.5 ms to each side, faded over 1 ms.

    Examples
    --------
    >>> h = np.zeros(800); h[100] = -1; h[400] = 0.5
    >>> np.flatnonzero(direct_response(h, 16_000))
    array([100])
    """
    reach = DIRECT_SECONDS + FADE_SECONDS
    return h * _window(h, sample_rate, -reach, reach)


def scale_early(h: np.ndarray, sample_rate: int, gain: float, *, early_seconds: float = 0.02) -> np.ndarray:
    """Scale the direct path and the reflections of the first 20 ms: a talker nearer or farther.

    Examples
    --------
    >>> h = np.zeros(800); h[100] = -1; h[200] = 0.5; h[600] = 0.25
    >>> scale_early(h, 16_000, 1.5)[[100, 200, 600]].tolist()
    [-1.5, 0.75, 0.25]
    """
    if not gain > 0:
        raise ValueError(f"expected a gain above 0, found {gain}")
    return h * (1 + (gain - 1) * _window(h, sample_rate, -np.inf, early_seconds))


def shape_decay(
    h: np.ndarray, sample_rate: int, *, rt60_seconds: float = 0.2, start_seconds: float = 0.02
) -> np.ndarray:
    """Early part as it is, then a tail that decays like a small room's: PercepNet's target.

    From ``start_seconds`` after the direct path the response is multiplied by an exponential that turns its own
    RT60 into ``rt60_seconds``; one that decays faster, or has no measurable decay, keeps its own.
    """
    own = rir.rt60_seconds(h, sample_rate)
    if not own > rt60_seconds:
        return np.array(h, dtype=np.float64)
    late = _seconds(h, sample_rate) - start_seconds
    return h * np.exp(-np.maximum(late, 0) * DECAY * (1 / rt60_seconds - 1 / own))


def set_drr(h: np.ndarray, sample_rate: int, drr: float) -> tuple[np.ndarray, float]:
    """Give a response a direct-to-reverberant ratio by scaling its direct path.

    A Hann window of 5 ms fades the scaling in and out. The direct path stays the largest sample, so that very
    small ratios are not reached.

    Parameters
    ----------
    h : float array, shape (n,)
    sample_rate : int
        In Hz.
    drr : float
        In dB.

    Returns
    -------
    response : float64 array, shape (n,)
    reached : float
        DRR of the result in dB, by `percepkit.dsp.rir.drr_db`.
    """
    h = np.asarray(h, dtype=np.float64)
    window = _hann(h, sample_rate)
    seconds = _seconds(h, sample_rate)
    early = np.where(np.abs(seconds) <= DIRECT_SECONDS, h, 0.0)
    late = np.where(seconds > DIRECT_SECONDS, h, 0.0)
    # Energy of (1 + (a - 1) w) h in the direct part, for which the wanted ratio is a quadratic in a.
    a = np.sum((window * early) ** 2)
    b = 2 * np.sum(window * (1 - window) * early**2)
    c = np.sum(((1 - window) * early) ** 2) - 10 ** (drr / 10) * np.sum(late**2)
    root = b * b - 4 * a * c
    if a == 0 or not late.any():
        return h, drr_db(h, sample_rate)
    alpha = (-b + math.sqrt(max(root, 0))) / (2 * a)
    alpha = max(alpha, float(np.abs(late).max() / np.abs(early).max()))
    out = h * (1 + (alpha - 1) * window)
    return out, drr_db(out, sample_rate)


def set_rt60(h: np.ndarray, sample_rate: int, rt60: float, key: int) -> tuple[np.ndarray, float]:
    """Give a response a reverberation time, each octave band in proportion.

    Where a band's decay meets the noise of the measurement it goes on with noise drawn from ``key``, lest a longer
    reverberation raise that noise. The direct path and 2.5 ms around it stay as they are.

    Parameters
    ----------
    h : float array, shape (n,)
    sample_rate : int
        In Hz.
    rt60 : float
        In seconds.
    key : int
        See `percepkit.dsp.draws.key_of`.

    Returns
    -------
    response : float64 array, shape (m,)
        As long as the new decay takes; ``h`` itself where it or the result has no measurable decay.
    reached : float
        RT60 of the result in seconds, by `percepkit.dsp.rir.rt60_seconds`.
    """
    h = np.asarray(h, dtype=np.float64)
    own = rir.rt60_seconds(h, sample_rate)
    if not np.isfinite(own):
        return h, own
    direct = direct_path(h, sample_rate)[0]
    n = max(len(h), int(direct + 1.3 * max(rt60, own) * sample_rate))
    padded = np.pad(h, (0, n - len(h)))
    late = padded * (1 - _window(padded, sample_rate, -np.inf, DIRECT_SECONDS))
    seconds = _seconds(padded, sample_rate)
    bands = []
    for number, band in enumerate(_octaves(late, sample_rate)):
        bands.append(_clean_decay(band, sample_rate, seconds, own, key_of(str(key), number)))
    wanted, reached = rt60, own
    out = padded
    for _ in range(TRIES):
        out = padded - late
        for band, rate in bands:
            # All bands keep their proportions: rates scale by own over wanted.
            out = out + band * np.exp(-np.maximum(seconds, 0) * rate * (own / wanted - 1))
        reached = rir.rt60_seconds(out, sample_rate)
        if not np.isfinite(reached):  # no straight decay any more: such a response helps nobody
            return h, own
        if abs(reached / rt60 - 1) < TOLERANCE:
            break
        wanted *= rt60 / reached
    return out, reached


def _seconds(h: np.ndarray, sample_rate: int) -> np.ndarray:
    """Time of each sample from the direct path on."""
    return (np.arange(len(h)) - direct_path(h, sample_rate)[0]) / sample_rate


def _window(h: np.ndarray, sample_rate: int, begin: float, end: float) -> np.ndarray:
    """One between two times after the direct path, with cosine fades of 1 ms inside."""
    seconds = _seconds(h, sample_rate)
    rise = np.ones(len(h)) if begin == -np.inf else np.clip((seconds - begin) / FADE_SECONDS, 0, 1)
    fall = np.clip((end - seconds) / FADE_SECONDS, 0, 1)
    return np.sin(np.pi / 2 * rise) ** 2 * np.sin(np.pi / 2 * fall) ** 2


def _hann(h: np.ndarray, sample_rate: int) -> np.ndarray:
    seconds = np.clip(_seconds(h, sample_rate) / DIRECT_SECONDS, -1, 1)
    return np.cos(np.pi / 2 * seconds) ** 2


def _octaves(x: np.ndarray, sample_rate: int) -> list[np.ndarray]:
    """Octave bands without delay that sum to ``x``: raised cosines over log frequency."""
    spectrum = scipy.fft.rfft(x, 2 * len(x))
    frequency = np.maximum(np.arange(len(spectrum)) * sample_rate / (2 * len(x)), 1e-3)
    centres = CENTRES_HZ[sample_rate / 2 > CENTRES_HZ]
    octave = np.clip(np.log2(frequency / centres[0]), 0, len(centres) - 1)
    shapes = [np.cos(np.pi / 2 * np.clip(octave - k, -1, 1)) ** 2 for k in range(len(centres))]
    return [scipy.fft.irfft(spectrum * shape)[: len(x)] for shape in shapes]


def _clean_decay(
    band: np.ndarray, sample_rate: int, seconds: np.ndarray, own: float, key: int
) -> tuple[np.ndarray, float]:
    """A band whose decay goes on below the noise floor, and its rate in 1/s."""
    hop = max(round(0.005 * sample_rate), 1)
    blocks = len(band) // hop
    level = 10 * np.log10(np.mean(band[: blocks * hop].reshape(-1, hop) ** 2, axis=1) + 1e-300)
    time = seconds[: blocks * hop].reshape(-1, hop).mean(axis=1)
    sounding = level > level.max() - 120  # what was padded with zeros is no floor
    floor = float(np.median(level[sounding][-max(sounding.sum() // 10, 3) :]))
    top = int(np.argmax(level))
    used = np.flatnonzero((np.arange(blocks) >= top) & (level > floor + FLOOR_MARGIN_DB))
    if len(used) < 5 or level[top] - floor < 2 * FLOOR_MARGIN_DB:
        return band, DECAY / own
    gap = np.flatnonzero(np.diff(used) > 4)
    used = used[: gap[0] + 1] if len(gap) else used
    if len(used) < 5:
        return band, DECAY / own
    slope, intercept = np.polyfit(time[used], level[used], 1)
    if slope >= 0:
        return band, DECAY / own
    rate = float(-slope * math.log(10) / 20)
    join = float(time[used[-1]])
    drawn = normal_samples(key, len(band))
    drawn = _like(drawn, band)
    drawn *= 10 ** ((intercept + slope * seconds) / 20)
    share = np.clip((seconds - join) / 0.02 + 0.5, 0, 1)
    return band * np.cos(np.pi / 2 * share) + drawn * np.sin(np.pi / 2 * share), rate


def _like(noise: np.ndarray, band: np.ndarray) -> np.ndarray:
    """Noise of unit power with the spectrum of a band."""
    n = len(band)
    shape = np.abs(scipy.fft.rfft(band, n))
    width = max(len(shape) // 256, 1)
    shape = np.convolve(shape, np.ones(width) / width, "same")
    coloured = scipy.fft.irfft(scipy.fft.rfft(noise, n) * shape, n)
    return coloured / np.sqrt(np.mean(coloured**2))
