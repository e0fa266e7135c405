"""Changing room impulse responses: their direct-to-reverberant ratio, reverberation time, early part and tail.

All functions take one channel and give a new one. The direct path stays where it is in the array and keeps its
sign, whatever its polarity and onset; time counts from it, not from the start of the file.

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
from scipy.ndimage import uniform_filter1d

from percepkit.dsp import rir
from percepkit.dsp.draws import normal_samples
from percepkit.dsp.rir import direct_peak, drr_db

__all__ = ["direct_response", "scale_early", "set_drr", "set_rt60", "shape_decay"]

DIRECT_SECONDS = 0.0025  # half width of the direct path, as in the DRR
PEAK_SECONDS = 0.00025  # half width of its peak
FADE_SECONDS = 0.001
DECAY = math.log(1000)  # RT60 times the rate of an exponential amplitude
LOWEST_HZ = 125.0  # centre of the lowest octave
BLOCK_SECONDS = 0.01
START_SECONDS = 0.1  # after the direct path: by then a band has begun to decay
FLOOR_MARGIN_DB = 10.0  # above the noise floor, where a measured decay is replaced by a drawn one
FITTED_DB = 30.0  # of a band's decay above that
DEEPEST_DB = 60.0  # below a band's beginning, where its rate is read
LENGTH = 1.3  # of a new response, in times the slowest band's RT60: 78 dB
TRIES = 12
TOLERANCE = 0.01  # of the RT60


def direct_response(h: np.ndarray, sample_rate: int) -> np.ndarray:
    """The direct path as it was measured: 2.5 ms to each side whole, and faded over another 1 ms.

    Parameters
    ----------
    h : float array, shape (n,)
        Room impulse response.
    sample_rate : int
        In Hz.

    Returns
    -------
    float64 array, shape (n,)
        In the time frame of ``h``.

    Examples
    --------
    >>> h = np.zeros(800); h[100] = -1; h[400] = 0.5
    >>> np.flatnonzero(direct_response(h, 16_000))
    array([100])
    """
    reach = DIRECT_SECONDS + FADE_SECONDS
    return h * _window(_seconds(h, sample_rate), -reach, reach)


def scale_early(h: np.ndarray, sample_rate: int, gain: float, *, early_seconds: float = 0.02) -> np.ndarray:
    """Scale the direct path and the early reflections: a talker nearer or farther.

    The direct path is scaled too: it is what distance changes most, and to scale the reflections alone would
    move the talker's direct path and its reflections apart in level. The last 1 ms fades to the tail as it is.

    Parameters
    ----------
    h : float array, shape (n,)
        Room impulse response.
    sample_rate : int
        In Hz.
    gain : float
        Above 0; PercepNet's training draws 0.5 to 1.5.
    early_seconds : float
        After the direct path.

    Returns
    -------
    float64 array, shape (n,)

    Raises
    ------
    ValueError
        If the gain is not a positive number, or ``h`` is no response (see `percepkit.dsp.rir.onset`).

    Examples
    --------
    >>> h = np.zeros(800); h[100] = -1; h[200] = 0.5; h[600] = 0.25
    >>> scale_early(h, 16_000, 1.5)[[100, 200, 600]].tolist()
    [-1.5, 0.75, 0.25]
    """
    _refuse("gain", gain)
    return h * (1 + (gain - 1) * _window(_seconds(h, sample_rate), -np.inf, early_seconds))


def shape_decay(
    h: np.ndarray, sample_rate: int, *, rt60_seconds: float = 0.2, start_seconds: float = 0.02
) -> np.ndarray:
    """Early part as it is, then a tail that decays like a small room's: PercepNet's target.

    From ``start_seconds`` after the direct path on, the response is multiplied by an exponential that turns its
    own RT60 T into that of the target, T': 10 ** (-3 (t - start) (1 / T' - 1 / T)). One that decays faster, or
    has no measurable decay, keeps its own.

    Parameters
    ----------
    h : float array, shape (n,)
        Room impulse response.
    sample_rate : int
        In Hz.
    rt60_seconds : float
        Of the target's tail.
    start_seconds : float
        After the direct path.

    Returns
    -------
    float64 array, shape (n,)

    Examples
    --------
    >>> h = np.zeros(16_000); h[0] = 1; h[10:] = 0.1 * 10 ** (-3 * np.arange(15_990) / 16_000)
    >>> round(float(shape_decay(h, 16_000)[320 + 3200] / h[320 + 3200]), 3)  # 0.2 s later: -60 dB and not -12
    0.004
    """
    _refuse("RT60", rt60_seconds)
    own = rir.rt60_seconds(h, sample_rate)
    if not own > rt60_seconds:
        return np.array(h, dtype=np.float64)
    late = np.maximum(_seconds(h, sample_rate) - start_seconds, 0)
    return h * np.exp(-late * DECAY * (1 / rt60_seconds - 1 / own))


def set_drr(h: np.ndarray, sample_rate: int, wanted_db: float) -> tuple[np.ndarray, float]:
    """Give a response a direct-to-reverberant ratio by scaling its direct path.

    A Hann window of 5 ms fades the scaling in and out; the gain is the larger root of a quadratic.

    Parameters
    ----------
    h : float array, shape (n,)
        Room impulse response.
    sample_rate : int
        In Hz.
    wanted_db : float

    Returns
    -------
    response : float64 array, shape (n,)
        The direct path is turned down only as far as it stays the largest sample and the first strong one: below
        that the ratio stays where it is. A response without reverberation comes back unchanged. Where a later
        reflection is the largest, what comes before the direct path may be raised enough to pass for it.
    reached : float
        DRR of the result in dB, by `percepkit.dsp.rir.drr_db`.

    Raises
    ------
    ValueError
        If the ratio is not finite, or ``h`` is no response (see `percepkit.dsp.rir.onset`).

    Examples
    --------
    >>> h = np.zeros(1000); h[100] = -1; h[500] = 0.1
    >>> louder, reached = set_drr(h, 16_000, 26.0)
    >>> round(float(louder[100]), 3), round(reached, 6)
    (-1.995, 26.0)
    """
    if not math.isfinite(wanted_db):
        raise ValueError(f"expected a finite ratio in dB, found {wanted_db}")
    direct = direct_peak(h)
    h = np.array(h, dtype=np.float64)
    out = h
    for _ in range(TRIES):
        window = np.cos(np.pi / 2 * np.clip(_seconds(h, sample_rate, direct) / DIRECT_SECONDS, -1, 1)) ** 2
        gain = _direct_gain(h, sample_rate, wanted_db, direct, window)
        if gain < 1:
            gain = _lowest_gain(h, sample_rate, gain, direct, window)
        out = h * (1 + (gain - 1) * window)
        found = direct_peak(out)
        if abs(found - direct) < 0.5:
            break
        direct = found
    return out, drr_db(out, sample_rate)


def set_rt60(h: np.ndarray, sample_rate: int, wanted_seconds: float, key: int) -> tuple[np.ndarray, float]:
    """Give a response a reverberation time; its octave bands keep their proportions.

    Where a band's decay meets the noise of the measurement it goes on with noise drawn from ``key``, lest a longer
    reverberation raise that noise. Decay *rates* (1/s) are divided by the ratio of new to old RT60, as time
    constants are multiplied by it. Decays are not quite straight: the ratio is searched for until the measured
    RT60 is within 1 % of the one asked for. Change the RT60 before the DRR: it changes the late energy.

    Parameters
    ----------
    h : float array, shape (n,)
        Room impulse response.
    sample_rate : int
        In Hz.
    wanted_seconds : float
        RT60 to give it.
    key : int
        See `percepkit.dsp.draws.key_of`.

    Returns
    -------
    response : float64 array, shape (m,)
        As long as the new decay takes. All until 1.5 ms after the direct path is that of ``h``. Where no straight
        decay of that length comes about, the nearest that was found; ``h`` where it has no measurable RT60.
    reached : float
        RT60 of the result in seconds, by `percepkit.dsp.rir.rt60_seconds`.

    Raises
    ------
    ValueError
        If the RT60 is not a positive number, or ``h`` is no response (see `percepkit.dsp.rir.onset`).

    Examples
    --------
    >>> h = np.zeros(12_000); h[100:] = normal_samples(1, 11_900) * 10 ** (-3 * np.arange(11_900) / 8000)
    >>> h[100] = -3
    >>> longer, reached = set_rt60(h, 16_000, 0.8, key=2)
    >>> bool(abs(reached / 0.8 - 1) < 0.01), float(longer[100])
    (True, -3.0)
    """
    _refuse("RT60", wanted_seconds)
    h = np.array(h, dtype=np.float64)
    own = rir.rt60_seconds(h, sample_rate)
    if not math.isfinite(own):
        return h, own
    direct = direct_peak(h)
    kept, bands, rates = _clean_bands(h, sample_rate, direct, own, wanted_seconds, key)
    seconds = _seconds(kept, sample_rate, direct)
    mask, late = _late_mask(seconds), np.maximum(seconds, 0)
    best = (h, own)
    ratio = math.log(wanted_seconds / own)
    low, high = -1 - 2 * abs(ratio), 1 + 2 * abs(ratio)
    for _ in range(TRIES):
        share = 1 - math.exp(-ratio)
        tail = sum(band * np.exp(late * rate * share) for band, rate in zip(bands, rates, strict=True))
        out = kept + mask * tail
        reached = rir.rt60_seconds(out, sample_rate)
        # No straight decay any more: too much of a change.
        error = math.log(reached / wanted_seconds) if math.isfinite(reached) else math.copysign(math.inf, ratio)
        if abs(error) < abs(math.log(best[1] / wanted_seconds)):
            best = (out, reached)
        if abs(error) < TOLERANCE:
            break
        low, high = (low, ratio) if error > 0 else (ratio, high)
        ratio = ratio - error if low < ratio - error < high else (low + high) / 2
    return best


def _refuse(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise ValueError(f"expected a finite {name} above 0, found {value}")


def _seconds(h: np.ndarray, sample_rate: int, direct: float | None = None) -> np.ndarray:
    """Time of each sample from the direct path on."""
    return (np.arange(len(h)) - (direct_peak(h) if direct is None else direct)) / sample_rate


def _window(seconds: np.ndarray, begin: float, end: float) -> np.ndarray:
    """One between two times after the direct path, with cosine fades of 1 ms inside."""
    rise = 1.0 if begin == -np.inf else np.clip((seconds - begin) / FADE_SECONDS, 0, 1)
    fall = np.clip((end - seconds) / FADE_SECONDS, 0, 1)
    window: np.ndarray = np.sin(np.pi / 2 * rise) ** 2 * np.sin(np.pi / 2 * fall) ** 2
    return window


def _late_mask(seconds: np.ndarray) -> np.ndarray:
    return 1 - _window(seconds, -np.inf, DIRECT_SECONDS)


def _direct_gain(h: np.ndarray, sample_rate: int, wanted_db: float, direct: float, window: np.ndarray) -> float:
    """Larger root of Bryan's quadratic: the energy of (1 + (gain - 1) w) h in the direct part is as wanted."""
    reach, centre = round(DIRECT_SECONDS * sample_rate), round(direct)
    part = slice(max(centre - reach, 0), centre + reach + 1)
    scaled, kept = window[part] * h[part], (1 - window[part]) * h[part]
    late = 10 ** (wanted_db / 10) * float(np.sum(h[part.stop :] ** 2))
    if late == 0:
        return 1.0
    a, b, c = float(scaled @ scaled), 2 * float(scaled @ kept), float(kept @ kept) - late
    return (math.sqrt(max(b * b - 4 * a * c, 0)) - b) / (2 * a)


def _lowest_gain(h: np.ndarray, sample_rate: int, gain: float, direct: float, window: np.ndarray) -> float:
    """A gain below 1, or the least that leaves the direct path the largest sample, found where it was."""
    near = np.abs(_seconds(h, sample_rate, direct)) <= max(PEAK_SECONDS, 1 / sample_rate)

    def stays(gain: float) -> bool:
        out = h * (1 + (gain - 1) * window)
        largest = np.abs(out).max() == np.abs(out[near]).max()
        return gain > 0 and bool(largest) and abs(direct_peak(out) - direct) < 0.5

    if stays(gain):
        return gain
    refused, kept = max(gain, 0.0), 1.0
    for _ in range(TRIES):
        middle = (refused + kept) / 2
        refused, kept = (refused, middle) if stays(middle) else (middle, kept)
    return kept


def _clean_bands(
    h: np.ndarray, sample_rate: int, direct: float, own: float, wanted_seconds: float, key: int
) -> tuple[np.ndarray, list[np.ndarray], list[float]]:
    """What is kept of a response, and its late part in octaves free of noise with their rates in 1/s."""
    seconds = _seconds(h, sample_rate, direct)
    mask = _late_mask(seconds)
    support = int(np.flatnonzero(h)[-1]) + 1  # zeros at the end are no noise floor
    lines = [_decay(band[:support], sample_rate, seconds, own) for band in _octaves(mask * h, sample_rate)]
    rates = [-slope * math.log(10) / 20 for slope, _, _ in lines]
    slowest = min(max(DECAY / min(rates) / own, 1.0), 2.0) * wanted_seconds
    n = round(direct + LENGTH * slowest * sample_rate)
    h = np.pad(h[:n], (0, max(n - len(h), 0)))
    seconds = _seconds(h, sample_rate, direct)
    late = _late_mask(seconds) * h
    bands = _octaves(late, sample_rate)
    noises = _octaves(_like(late, key), sample_rate)
    for k, (slope, intercept, join) in enumerate(lines):
        share = np.clip((seconds - join) / (2 * BLOCK_SECONDS) + 0.5, 0, 1)
        level = intercept + slope * np.maximum(seconds, 0)
        drawn = noises[k] * 10 ** (level / 20) / np.sqrt(np.mean(noises[k] ** 2) + 1e-300)
        # The cosine of a right angle is not quite zero, and what it leaves would be raised by hundreds of dB.
        fall = np.where(share < 1, np.cos(np.pi / 2 * share), 0)
        bands[k] = bands[k] * fall + drawn * np.sin(np.pi / 2 * share)
    return h - _late_mask(seconds) * late, bands, rates


def _octaves(x: np.ndarray, sample_rate: int) -> list[np.ndarray]:
    """Octave bands without delay that sum to ``x``: raised cosines over log frequency."""
    n = scipy.fft.next_fast_len(len(x) + sample_rate // 10, real=True)
    spectrum = scipy.fft.rfft(x, n)
    frequency = np.maximum(np.arange(len(spectrum)) * sample_rate / n, 1e-3)
    count = max(math.ceil(math.log2(sample_rate / 2 / LOWEST_HZ)), 1)
    octave = np.clip(np.log2(frequency / LOWEST_HZ), 0, count - 1)
    shapes = (np.cos(np.pi / 2 * np.clip(octave - k, -1, 1)) ** 2 for k in range(count))
    return [scipy.fft.irfft(spectrum * shape, n)[: len(x)] for shape in shapes]


def _decay(band: np.ndarray, sample_rate: int, seconds: np.ndarray, own: float) -> tuple[float, float, float]:
    """Decay of a band: slope (dB/s), level at the direct path (dB), and time from which it is noise."""
    size = min(max(round(BLOCK_SECONDS * sample_rate), 1), len(band))
    blocks = len(band) // size
    level = 10 * np.log10((band[: blocks * size].reshape(blocks, size) ** 2).mean(axis=1) + 1e-300)
    time = seconds[0] + (np.arange(blocks) + 0.5) * size / sample_rate
    top = int(np.argmax(np.where(time < START_SECONDS, level, -np.inf)))
    floor = float(np.median(level[-max(blocks // 10, 3) :]))
    lowest = max(floor + FLOOR_MARGIN_DB, level[top] - DEEPEST_DB)
    sounds = np.flatnonzero((np.arange(blocks) >= top) & (level > lowest))
    ends = np.flatnonzero(np.diff(sounds) > 2)
    sounds = sounds[: ends[0] + 1] if len(ends) else sounds
    read = sounds[level[sounds] < level[sounds].min(initial=np.inf) + FITTED_DB]
    if len(read) >= 4 and level[top] > floor + 2 * FLOOR_MARGIN_DB:
        slope, intercept = np.polyfit(time[read], level[read], 1)
        if slope < 0:
            rest = level[read] - intercept - slope * time[read]
            return slope, intercept + 10 * np.log10(np.mean(10 ** (rest / 10))), time[sounds[-1]]
    # Hardly more than noise: it decays like the room.
    slope = -60 / own
    return slope, level[top] - slope * time[top], time[top]


def _like(late: np.ndarray, key: int) -> np.ndarray:
    """Noise with the smoothed spectrum of a late part."""
    spectrum = np.abs(scipy.fft.rfft(late))
    shape = uniform_filter1d(spectrum, max(len(spectrum) // 256, 1))
    return scipy.fft.irfft(scipy.fft.rfft(normal_samples(key, len(late))) * shape, len(late))
