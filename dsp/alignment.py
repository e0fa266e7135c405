"""How one recording lies in time against another: delay, clock drift, polarity, gain; and moving it there.

A moment ``t`` of the reference is heard in the observed recording at ``t (1 + drift_ppm / 1e6) + delay_seconds``.

References
----------
C. H. Knapp, G. C. Carter, "The generalized correlation method for estimation of time delay", IEEE Trans. ASSP 24,
1976. P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", JASA 63, 1968 (the robust line).
"""

from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import csd, oaconvolve, welch
from scipy.stats import theilslopes

__all__ = ["MARGIN", "Alignment", "advance", "coherent_share", "estimate_alignment"]

MARGIN = 32  # samples that `advance` needs on either side of what it returns
KAISER_BETA = 9.0

COARSE_SECONDS = 6.0  # of the loudest reference, looked for in the whole observed recording
BLOCK_SECONDS = 0.5
BLOCKS = 120  # at most, spread over the recording
MAX_DRIFT_PPM = 500.0
REACH_SECONDS = 0.01  # around the coarse delay, beside what the largest drift adds
CLOSE_SECONDS = 0.001  # around the line of the first pass
AGREEING_SECONDS = 0.0005  # of a block from the line
RANGE_DB = 30.0  # blocks quieter than this below the loudest are not looked at
WHITENING = 0.8  # 0 is plain correlation, 1 GCC-PHAT
UPSAMPLING = 4
ERRORS = 4.0  # standard errors (of overlapping blocks) within which a digital mix is believed to be one
SMALLEST_SHIFT = 0.01  # samples; and of drift over the whole recording
COHERENCE_SECONDS = 0.128


@dataclass(frozen=True)
class Alignment:
    """Where a recording lies against a reference.

    Attributes
    ----------
    delay_seconds : float
        Of the observed recording at the start of the reference; below 0 where it begins later.
    drift_ppm : float
        By how much longer the observed recording lasts, in millionths.
    gain : float
        Signed amplitude of the reference in the observed recording, by least squares; below 0 for a turned
        polarity.
    confidence : float in [0, 1]
        Share of the blocks with sound whose own delay lies within 0.5 ms of this line; by chance some 0.05.
    """

    delay_seconds: float
    drift_ppm: float
    gain: float
    confidence: float


@dataclass(frozen=True, eq=False)
class _Blocks:
    """Delays in samples of blocks of the reference, each by where its energy lies; correlations are signed."""

    place: np.ndarray
    delay: np.ndarray
    correlation: np.ndarray


def estimate_alignment(reference: np.ndarray, observed: np.ndarray, sample_rate: int) -> Alignment:
    """Find delay, drift, polarity and gain of a recording against a reference.

    The loudest seconds of the reference are looked for in the whole recording by generalised correlation; blocks
    of half a second then give a delay each to a fraction of a sample, and a robust line through them gives delay
    and drift. Additive noise, a room or a device in between are allowed. A whole number of samples, no drift and a
    gain of 1 are returned exactly where the measurement cannot tell them from what it found: most pairs are
    digital mixes.

    Parameters
    ----------
    reference, observed : float array, shape (n,) and (m,)
    sample_rate : int
        In Hz, of both.

    Returns
    -------
    Alignment
        Drifts up to 500 ppm are found.

    Raises
    ------
    ValueError
        If a signal is not one finite channel of 0.25 s or more, or silent.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal(16_000)
    >>> estimate_alignment(x, -0.5 * np.concatenate([np.zeros(40), x]), 16_000)
    Alignment(delay_seconds=0.0025, drift_ppm=0.0, gain=-0.5, confidence=1.0)
    """
    x, y = (_checked(name, s, sample_rate) for name, s in (("reference", reference), ("observed", observed)))
    length = int(min(BLOCK_SECONDS * sample_rate, len(x) // 8))
    starts = _sounding_blocks(x, length)
    place, coarse = _coarse(x, y, int(COARSE_SECONDS * sample_rate))
    reach = REACH_SECONDS * sample_rate + MAX_DRIFT_PPM * 1e-6 * np.abs(starts - place)
    first = _delays(x, y, length, starts, np.full(len(starts), coarse), np.ceil(reach).astype(int), 0)
    polarity = 1 if float(np.sum(np.sign(first.correlation) * np.square(first.correlation))) >= 0 else -1
    offset, slope = _line(first)
    guess = np.rint(offset + slope * (starts + length / 2)).astype(np.int64)
    close = max(int(CLOSE_SECONDS * sample_rate), 4)
    second = _delays(x, y, length, starts, guess, np.full(len(starts), close), polarity)
    offset, slope = _refined(second, len(x), AGREEING_SECONDS * sample_rate)
    away = np.abs(first.delay - offset - slope * first.place) / sample_rate
    agree = (away < AGREEING_SECONDS) & (np.sign(first.correlation) == polarity)
    short = length // 10  # in which a drift moves nothing
    parts = (starts[:, None] + np.arange(10) * short).ravel()
    offset += _best_match(x, y, short, parts, offset + slope * (parts + short / 2), close)
    gain = _gain(x, y, short, parts, offset + slope * (parts + short / 2))
    return Alignment(offset / sample_rate, slope * 1e6, gain, float(np.mean(agree)))


def _checked(name: str, x: np.ndarray, sample_rate: int) -> np.ndarray:
    if x.ndim != 1 or len(x) < 0.25 * sample_rate:
        raise ValueError(f"{name}: expected one channel of 0.25 s or more to align, found shape {x.shape}")
    peak = float(np.abs(x).max())
    if not np.isfinite(peak) or peak == 0:
        raise ValueError(f"{name}: expected sound to align by, found {'silence' if peak == 0 else 'NaN or Inf'}")
    return np.asarray(x, np.float64)


def _sounding_blocks(x: np.ndarray, length: int) -> np.ndarray:
    """Where blocks of the reference begin that are loud enough, evenly spread."""
    hop = max(length // 2, len(x) // BLOCKS)
    starts = np.arange(0, len(x) - length + 1, hop)
    energy = np.array([np.sum(np.square(x[s : s + length])) for s in starts])
    return starts[energy > energy.max() * 10 ** (-RANGE_DB / 10)]


def _coarse(x: np.ndarray, y: np.ndarray, length: int) -> tuple[int, int]:
    """Where the loudest ``length`` samples of ``x`` begin, and the delay of them in ``y``; whole samples."""
    energy = np.concatenate([[0.0], np.cumsum(np.square(x))])
    length = min(length, len(x))
    start = int(np.argmax(energy[length:] - energy[:-length]))
    n = next_fast_len(length + len(y), real=True)
    correlation, _ = _correlation(x[start : start + length], y, n, 1)
    peak = int(np.argmax(np.abs(correlation)))
    return start, (peak if peak < len(y) else peak - n) - start


def _correlation(x: np.ndarray, y: np.ndarray, n: int, upsampling: int) -> tuple[np.ndarray, float]:
    """Partly whitened circular correlation, lags of ``y`` behind ``x``, and its largest possible value."""
    cross = np.conj(rfft(x, n)) * rfft(y, n)
    magnitude = np.abs(cross)
    cross *= np.maximum(magnitude, 1e-12 * magnitude.max() + 1e-300) ** -WHITENING
    return irfft(cross, n * upsampling) * upsampling, float(2 * np.sum(np.abs(cross)) / n)


def _delays(
    x: np.ndarray,
    y: np.ndarray,
    length: int,
    starts: np.ndarray,
    guess: np.ndarray,
    reach: np.ndarray,
    polarity: int,
) -> _Blocks:
    """Delay of every block within ``reach`` of a guess; of either polarity for 0. Blocks outside are left."""
    found = []
    for start, expected, around in zip(starts.tolist(), guess.tolist(), reach.tolist(), strict=True):
        first = start + expected - around
        last = first + length + 2 * around
        if last <= 0 or first >= len(y):
            continue
        heard = np.zeros(last - first)
        heard[max(-first, 0) : min(last, len(y)) - first] = y[max(first, 0) : last]
        if not heard.any():
            continue
        n = next_fast_len(2 * length + 2 * around, real=True)
        correlation, most = _correlation(x[start : start + length], heard, n, UPSAMPLING)
        lags = correlation[: 2 * around * UPSAMPLING + 1]
        peak = int(np.argmax(lags * polarity if polarity else np.abs(lags)))
        delay = expected - around + (peak + _vertex(lags, peak)) / UPSAMPLING
        found.append((start + _centre(x[start : start + length]), delay, lags[peak] / most))
    if not found:
        return _Blocks(starts[:1].astype(float), np.zeros(1), np.zeros(1))
    return _Blocks(*np.array(found, float).T)


def _centre(x: np.ndarray) -> float:
    """Where a block's energy lies, after an emphasis much like the whitening; its delay is that of this place."""
    energy = np.square(np.diff(x))
    total = float(np.sum(energy))
    return float(np.sum(energy * np.arange(len(energy))) / total) if total else len(x) / 2


def _vertex(values: np.ndarray, peak: int) -> float:
    """Place of a parabola's vertex through three values, relative to the middle one."""
    if not 0 < peak < len(values) - 1:
        return 0.0
    before, at, after = values[peak - 1 : peak + 2]
    bend = before - 2 * at + after
    return float(0.5 * (before - after) / bend) if bend else 0.0


def _line(blocks: _Blocks) -> tuple[float, float]:
    """Robust delay at sample 0 and its slope, from the blocks that correlate best."""
    strength = np.abs(blocks.correlation)
    good = strength >= np.median(strength)
    place, delay = blocks.place[good], blocks.delay[good]
    if len(place) < 3:
        return float(np.median(delay)), 0.0
    slope = float(np.clip(theilslopes(delay, place)[0], -MAX_DRIFT_PPM * 1e-6, MAX_DRIFT_PPM * 1e-6))
    return float(np.median(delay - slope * place)), slope


def _refined(blocks: _Blocks, n: int, tolerance: float) -> tuple[float, float]:
    """Delay at sample 0 and slope by weighted least squares over the blocks that agree with the robust line."""
    offset, slope = _line(blocks)
    inside = np.abs(blocks.delay - offset - slope * blocks.place) < tolerance
    if not inside.any():
        return offset, 0.0
    # A block's delay is the surer the better it correlates (Fisher's information).
    place, delay = blocks.place[inside], blocks.delay[inside]
    power = np.clip(np.square(blocks.correlation[inside]), 1e-6, 1 - 1e-6)
    weight = power / (1 - power)
    weight /= np.sum(weight)
    mean, centre = float(np.sum(weight * delay)), float(np.sum(weight * place))
    if len(place) > 4:
        spread = float(np.sum(weight * np.square(place - centre)))
        slope = float(np.sum(weight * (place - centre) * (delay - mean)) / spread)
        left = delay - mean - slope * (place - centre)
        error = np.sqrt(np.sum(np.square(weight * (place - centre) * left))) / spread
        if abs(slope) > ERRORS * error and abs(slope) * n > SMALLEST_SHIFT:
            return mean - slope * centre, slope
    error = np.sqrt(np.sum(np.square(weight * (delay - mean))))
    whole = round(mean)
    return (float(whole) if abs(mean - whole) < max(ERRORS * error, SMALLEST_SHIFT) else mean), 0.0


def _best_match(
    x: np.ndarray, y: np.ndarray, length: int, starts: np.ndarray, delays: np.ndarray, reach: int
) -> float:
    """Shift of all delays at which plain correlation is largest; 0 where that is within half a sample.

    A device or a room delays the strong low frequencies otherwise than the faint high ones, by which the blocks
    were found.
    """
    total = np.zeros(2 * reach + 1)
    n = next_fast_len(length + 2 * reach, real=True)
    for start, delay in zip(starts.tolist(), delays.tolist(), strict=True):
        heard = advance(y, start + delay - reach, length + 2 * reach)
        total += irfft(np.conj(rfft(x[start : start + length], n)) * rfft(heard, n), n)[: 2 * reach + 1]
    peak = int(np.argmax(np.abs(total)))
    shift = peak + _vertex(total, peak) - reach
    return shift if abs(shift) > 0.5 else 0.0


def _gain(x: np.ndarray, y: np.ndarray, length: int, starts: np.ndarray, delays: np.ndarray) -> float:
    """Least-squares gain over all blocks, each at its own delay; 1 where that is as good."""
    products, energies = [], []
    for start, delay in zip(starts.tolist(), delays.tolist(), strict=True):
        if start + delay >= 0 and start + delay + length <= len(y):
            block = x[start : start + length]
            products.append(float(np.sum(block * advance(y, start + delay, length))))
            energies.append(float(np.sum(np.square(block))))
    if not products:
        return 1.0
    product, energy = np.array(products), np.array(energies)
    gain = float(np.sum(product) / np.sum(energy))
    error = float(np.sqrt(np.sum(np.square(product - gain * energy))) / np.sum(energy))
    return 1.0 if abs(gain - 1) < max(ERRORS * error, 1e-4) else gain


def advance(x: np.ndarray, samples: float, n: int) -> np.ndarray:
    """``n`` samples of a signal from a place between its samples; zeros stand outside of it.

    A whole number of samples gives the very samples of ``x``. Between them a Kaiser-windowed sinc of 64 taps
    interpolates: exact to about -90 dB up to 0.85 of the Nyquist frequency.

    Parameters
    ----------
    x : float array, shape (m,)
    samples : float
        Where to begin, may be negative.
    n : int

    Returns
    -------
    array of the dtype of ``x``, shape (n,)

    Examples
    --------
    >>> advance(np.arange(5.0), 2, 4)
    array([2., 3., 4., 0.])
    >>> t = np.arange(400)
    >>> bool(abs(advance(np.sin(0.3 * t), 100.25, 1)[0] - np.sin(0.3 * 100.25)) < 3e-5)
    True
    """
    first = int(np.floor(samples))
    fraction = samples - first
    padding = 0 if fraction == 0 else MARGIN
    part = np.zeros(n + max(2 * padding - 1, 0), x.dtype)
    begin = first - max(padding - 1, 0)
    source = x[max(begin, 0) : max(begin + len(part), 0)]
    place = max(-begin, 0)
    part[place : place + len(source)] = source
    if fraction == 0:
        return part
    k = np.arange(-MARGIN + 1, MARGIN + 1) - fraction
    window = np.i0(KAISER_BETA * np.sqrt(np.clip(1 - np.square(k / MARGIN), 0, 1))) / np.i0(KAISER_BETA)
    # The convolution turns the taps round: the last is that of the earliest sample.
    moved: np.ndarray = oaconvolve(part, (np.sinc(k) * window)[::-1], mode="valid").astype(x.dtype)
    return moved


def coherent_share(reference: np.ndarray, residual: np.ndarray, sample_rate: int) -> float:
    """Share of a residual's energy that a linear filter of the reference explains.

    Noise that was added has next to none of it; what a device or a room made of the reference has much: then the
    difference of two recordings is no noise.

    Parameters
    ----------
    reference, residual : float array, shape (n,)
    sample_rate : int
        In Hz.

    Returns
    -------
    float in [0, 1]
        By Welch's coherence in windows of 128 ms, less what chance gives; 0 for a silent residual.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal(32_000)
    >>> round(coherent_share(x, np.convolve(x, [0, 1, -0.5])[:32_000], 16_000), 2)
    1.0
    """
    if not residual.any():
        return 0.0
    window = min(round(COHERENCE_SECONDS * sample_rate), len(reference))
    settings = {"fs": sample_rate, "nperseg": window, "detrend": False}
    cross = csd(reference, residual, **settings)[1]
    power, left = (welch(x, **settings)[1] for x in (reference, residual))
    heard = power > 1e-10 * power.max()
    explained = float(np.sum(np.square(np.abs(cross[heard])) / power[heard]) / np.sum(left))
    chance = 1 / max(2 * len(reference) / window - 1, 1)
    return float(np.clip((explained - chance) / (1 - chance), 0, 1)) if chance < 1 else 0.0
