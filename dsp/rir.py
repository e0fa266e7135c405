"""Room impulse responses: where the direct path is, dry and early targets, and what a room is known by.

All functions take one channel, a float array of shape (n,). Targets are filters in the time frame of the
response itself: the reverberant speech and its targets stay aligned without any shift.
"""

import math
from typing import Any

import numpy as np

__all__ = [
    "c50_db",
    "direct_path",
    "direct_peak",
    "drr_db",
    "dry_response",
    "early_response",
    "onset",
    "rt60_seconds",
]

ONSET_SHARE = 0.1  # of the absolute peak
HALF_TAPS = 40  # of the windowed sinc: 81 taps, as image-method simulators use
REACH_SECONDS = 0.0015  # around the direct path: reflections that are fitted along with it
MAX_PULSES = 8
DIRECT_SECONDS = 0.0025  # half width of the direct path in the DRR
EARLY_SECONDS = 0.05
STRAIGHT = 0.9  # least squared correlation of a decay with a line; rooms have 0.96 and more


def onset(h: np.ndarray) -> int:
    """First sample whose magnitude exceeds a tenth of the absolute peak, whatever its polarity.

    Parameters
    ----------
    h : float array, shape (n,)
        Room impulse response.

    Returns
    -------
    int
        Index into ``h``. Pre-ringing of a band-limited direct path puts it some samples early.

    Raises
    ------
    ValueError
        If ``h`` has not one dimension, is empty, holds NaN or infinity, or is zero throughout.

    Examples
    --------
    >>> onset(np.array([0.0, 0.05, -1.0, 0.9]))
    2
    """
    magnitude = np.abs(_checked(h))
    return int(np.argmax(magnitude > ONSET_SHARE * magnitude.max()))


def direct_path(h: np.ndarray, sample_rate: int) -> tuple[float, float]:
    """Arrival time and signed gain of the direct path, finer than a sample.

    The direct path and the reflections of the 1.5 ms around it are fitted together as windowed sincs by least
    squares (orthogonal matching pursuit, every new pulse followed by Gauss-Newton steps on all arrival
    times), so that a reflection some samples later moves neither. Both numbers are rounded to 6 digits, so
    that the last bits of the linear algebra, which differ between machines, do not reach the audio.

    Parameters
    ----------
    h : float array, shape (n,)
        Room impulse response.
    sample_rate : int
        In Hz.

    Returns
    -------
    delay_samples : float
        Arrival time in samples from the start of ``h``.
    gain : float
        Signed amplitude of the direct path as a band-limited pulse. Of a measured response, whose direct path
        is as wide as the loudspeaker made it, that is the interpolated peak.

    Raises
    ------
    ValueError
        As `onset`.

    Examples
    --------
    >>> delay_samples, gain = direct_path(-0.5 * np.sinc(np.arange(200) - 60.25), 16000)
    >>> round(delay_samples, 2), round(gain, 2)
    (60.25, -0.5)
    """
    h = _checked(h)
    peak, reach = direct_peak(h), math.ceil(REACH_SECONDS * sample_rate)
    grid = np.arange(max(int(peak) - reach, 0), min(int(peak) + reach + 1, len(h)))
    part = h[grid]
    delays = _refine(np.array([peak]), grid, part)
    for _ in range(MAX_PULSES - 1):
        gains, residual = _fit(delays, grid, part)
        residual = np.abs(residual)
        residual[np.abs(grid[:, None] - delays).min(axis=1) < 2] = 0.0  # closer pulses are one pulse
        if residual.max() < 0.01 * abs(gains[0]):
            break
        delays = _refine(np.append(delays, float(grid[np.argmax(residual)])), grid, part)
    gains, _ = _fit(delays, grid, part)
    return round(float(delays[0]), 6), float(f"{gains[0]:.6g}")


def direct_peak(h: np.ndarray) -> float:
    """Arrival time of the direct path to 1/8 sample: where ratios and windows count from.

    The first strong extremum of the interpolated response, in samples from its start. Strong means a third of the
    highest in the 16 samples from the onset: above the sidelobes of a sinc (0.22) that announce it, below what a
    lone reflection needs to be mistaken for it. `direct_path` is finer and ten times slower; errors as `onset`.

    Examples
    --------
    >>> direct_peak(-0.5 * np.sinc(np.arange(200) - 60.25))
    60.25
    """
    h = _checked(h)
    # The zero-phase high-pass filters of simulators leave a pedestal, also before the direct path.
    start = onset(h)
    h = h - np.median(h[max(start - HALF_TAPS, 0) : start]) if start else h
    start = onset(h)
    grid = np.arange(max(start - HALF_TAPS, 0), min(start + 16 + HALF_TAPS, len(h)))
    times = start + np.arange(0, min(16, len(h) - start), 0.125)
    magnitude = np.abs(_pulses(times, grid) @ h[grid])
    first = int(np.argmax(magnitude >= 0.35 * magnitude.max()))
    while first + 1 < len(magnitude) and magnitude[first + 1] > magnitude[first]:
        first += 1
    return float(times[first])


def dry_response(h: np.ndarray, sample_rate: int, n: int | None = None) -> np.ndarray:
    """Filter that delays and scales speech as the direct path of a room does, and does nothing else.

    Parameters
    ----------
    h : float array, shape (n_response,)
        Room impulse response.
    sample_rate : int
        In Hz.
    n : int, optional
        Length of the filter; by default that of ``h``.

    Returns
    -------
    float64 array, shape (n,)
        Windowed sinc at the direct path's delay with its signed gain: the dry target of speech x is
        ``fftconvolve(x, dry_response(h, sample_rate))[:len(x)]``.

    Examples
    --------
    >>> h = np.zeros(100); h[50] = -0.5; h[80] = 0.2
    >>> np.flatnonzero(np.abs(dry_response(h, 16000)) > 1e-6)
    array([50])
    """
    delay_samples, gain = direct_path(h, sample_rate)
    grid = np.arange(len(h) if n is None else n)
    # Near the start there is no room for the left wing: narrow both wings, the phase stays linear.
    half_taps = min(HALF_TAPS, max(delay_samples, 1.0))
    response = _pulses(np.array([delay_samples]), grid, half_taps)[0]
    return gain * response / response.sum()


def early_response(
    h: np.ndarray, sample_rate: int, early_seconds: float = EARLY_SECONDS, fade_seconds: float = 0.005
) -> np.ndarray:
    """Part of a response that holds the direct path and the early reflections.

    Parameters
    ----------
    h : float array, shape (n,)
        Room impulse response.
    sample_rate : int
        In Hz.
    early_seconds : float
        How long after the onset the response is kept whole.
    fade_seconds : float
        Length of the raised cosine that takes it to zero after that.

    Returns
    -------
    float64 array, shape (at most n,)
        In the time frame of ``h``, zeros at the end left out.

    Examples
    --------
    >>> early_response(np.ones(2000), 16000).shape
    (880,)
    """
    h = _checked(h)
    n_whole = onset(h) + round(early_seconds * sample_rate)
    n_fade = round(fade_seconds * sample_rate)
    early = h[: n_whole + n_fade].copy()
    fade = 0.5 + 0.5 * np.cos(np.pi * (np.arange(n_fade) + 0.5) / max(n_fade, 1))
    early[n_whole:] *= fade[: max(len(early) - n_whole, 0)]
    return early


def rt60_seconds(h: np.ndarray, sample_rate: int) -> float:
    """Reverberation time from the backward-integrated decay (T30, or T20 where the noise floor hides T30).

    Broadband. The decay is cut where it meets the noise floor, the floor's energy is subtracted, and the
    part of the decay that was cut off is put back as an exponential.

    Parameters
    ----------
    h : float array, shape (n,)
        Room impulse response.
    sample_rate : int
        In Hz.

    Returns
    -------
    float
        Seconds for a decay by 60 dB; NaN where no 20 dB of decay stand clear of the noise floor, where they
        take less than 5 ms (a direct path and no room), or where the decay is no straight line at all.

    References
    ----------
    M. R. Schroeder, "New method of measuring reverberation time", JASA 37, 1965.
    A. Lundeby et al., "Uncertainties of measurements in room acoustics", Acustica 81, 1995.
    ISO 3382-1:2009.
    """
    h = _checked(h)
    energy = h[round(direct_peak(h)) :] ** 2
    energy = energy[: np.flatnonzero(energy)[-1] + 1]
    floor, end, missing = _noise_floor(energy, sample_rate)
    if end == 0:
        return math.nan
    remaining = np.cumsum((energy[:end] - floor)[::-1])[::-1] + missing
    decay_db = 10 * np.log10(np.maximum(remaining / remaining[0], 1e-30))
    for depth_db in (30, 20):
        if decay_db[-1] > -5 - depth_db - 3:  # 3 dB of margin over the floor
            continue
        first, last = np.argmax(decay_db <= -5), np.argmax(decay_db <= -5 - depth_db)
        if last - first < 0.005 * sample_rate:
            return math.nan
        seconds, curve = np.arange(first, last) / sample_rate, decay_db[first:last]
        if np.corrcoef(seconds, curve)[0, 1] ** 2 < STRAIGHT:
            return math.nan
        return float(-60 / np.polyfit(seconds, curve, 1)[0])
    return math.nan


def drr_db(h: np.ndarray, sample_rate: int) -> float:
    """Direct-to-reverberant energy ratio.

    Parameters
    ----------
    h : float array, shape (n,)
        Room impulse response.
    sample_rate : int
        In Hz.

    Returns
    -------
    float
        dB: energy within 2.5 ms of the direct path over the energy after that; infinite if nothing follows.

    Examples
    --------
    >>> h = np.zeros(1000); h[100] = 1; h[500] = 0.1
    >>> round(drr_db(h, 16000), 6)
    20.0
    """
    return _split_db(h, sample_rate, DIRECT_SECONDS)


def c50_db(h: np.ndarray, sample_rate: int) -> float:
    """Clarity: energy of the first 50 ms over the energy after them.

    Parameters
    ----------
    h : float array, shape (n,)
        Room impulse response.
    sample_rate : int
        In Hz.

    Returns
    -------
    float
        dB; time counts from the direct path, of which 2.5 ms before its peak belong to the early part.
        Infinite without late reverberation.

    Examples
    --------
    >>> h = np.zeros(2000); h[100] = 1; h[500] = 1; h[1500] = 0.1
    >>> round(c50_db(h, 16000), 2)
    23.01
    """
    return _split_db(h, sample_rate, EARLY_SECONDS)


def _checked(h: np.ndarray) -> np.ndarray:
    h = np.asarray(h, dtype=np.float64)
    if h.ndim != 1 or len(h) == 0:
        raise ValueError(f"expected one channel of a room impulse response, found shape {h.shape}")
    if not np.isfinite(h).all():
        raise ValueError("the room impulse response holds NaN or infinite samples; leave this file out")
    if not h.any():
        raise ValueError("the room impulse response is zero throughout; leave this file out")
    return h


def _pulses(delays: np.ndarray, grid: np.ndarray, half_taps: float = HALF_TAPS) -> np.ndarray:
    """Hann-windowed sincs, one row a delay, sampled at ``grid``."""
    t = grid - delays[:, None]
    window = np.cos(0.5 * np.pi * np.clip(t / (half_taps + 0.5), -1, 1)) ** 2
    return np.sinc(t) * window


def _fit(delays: np.ndarray, grid: np.ndarray, part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gains of pulses at given times, and what the pulses and a constant leave unexplained.

    The constant stands for what simulators' high-pass filters leave under the pulses.
    """
    design = np.concatenate([_pulses(delays, grid), np.ones((1, len(grid)))])
    weights = np.linalg.lstsq(design.T, part)[0]
    return weights[:-1], part - weights @ design


def _refine(delays: np.ndarray, grid: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Gauss-Newton on all arrival times; the gains are solved for exactly in every step.

    A pulse moves at most half a sample from where it was found: no two merge or cross.
    """
    found = delays
    step = 1e-4
    for _ in range(6):
        gains, residual = _fit(delays, grid, part)
        slopes = (_pulses(delays + step, grid) - _pulses(delays - step, grid)) / (2 * step)
        jacobian = np.concatenate([gains[:, None] * slopes, _pulses(delays, grid), np.ones((1, len(grid)))])
        change = np.linalg.lstsq(jacobian.T, residual, rcond=1e-6)[0][: len(delays)]
        delays = np.clip(delays + np.clip(change, -0.5, 0.5), found - 0.5, found + 0.5)
        if np.abs(change).max() < 1e-5:
            break
    return delays


def _noise_floor(energy: np.ndarray, sample_rate: int) -> tuple[float, int, float]:
    """Find where a decay meets its noise floor (Lundeby's iteration).

    Returns the floor's power, the sample at which the decay meets it (0: there is no decay), and the energy
    the decay would have had after that.
    """
    n = len(energy)
    n_tail = max(n // 10, 1)
    floor, end = float(energy[-n_tail:].mean()), 0.0
    block = shortest = max(round(0.005 * sample_rate), 1)
    for _ in range(6):
        line = _decay_line(energy, floor, block)
        if line is None:
            return floor, 0, 0.0
        slope, intercept = line
        previous, end = end, max(min((_db(floor) - intercept) / slope, float(n)), 0.0)
        floor = float(energy[min(round(end - 7 / slope), n - n_tail) :].mean())
        block = max(round(-2 / slope), shortest)  # five blocks per 10 dB of decay
        if abs(end - previous) < 0.01 * end:
            break
    missing = 10 ** ((intercept + slope * end) / 10) / (-slope * math.log(10) / 10)
    return floor, int(end), missing


def _decay_line(energy: np.ndarray, floor: float, block: int) -> tuple[float, float] | None:
    """Slope (dB a sample, negative) and intercept (dB) of the last 20 dB of decay that clear the floor."""
    level_db = _db(energy[: len(energy) // block * block].reshape(-1, block).mean(axis=1))
    clear = np.flatnonzero(level_db > _db(floor) + 7)
    if len(clear) < 3:
        return None
    high = np.flatnonzero(level_db > _db(floor) + 27)
    used = clear[clear >= min(high[-1] if len(high) else 0, clear[-3])]
    slope, intercept = np.polyfit((used + 0.5) * block, level_db[used], 1)
    return (float(slope), float(intercept)) if slope < 0 else None


def _db(power: np.ndarray | float) -> Any:
    return 10 * np.log10(np.asarray(power) + 1e-300)


def _split_db(h: np.ndarray, sample_rate: int, seconds: float) -> float:
    """Energy from 2.5 ms before the direct path to ``seconds`` after it, over what follows, in dB."""
    h = _checked(h)
    direct = round(direct_peak(h))
    start = max(direct - round(DIRECT_SECONDS * sample_rate), 0)
    split = direct + round(seconds * sample_rate) + 1
    before, after = float((h[start:split] ** 2).sum()), float((h[split:] ** 2).sum())
    return 10 * math.log10(before / after) if after > 0 else math.inf
