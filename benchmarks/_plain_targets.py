"""PercepNet's targets as one writes them in NumPy: whole arrays, double precision, nothing compiled.

The same method as percepkit's: gains and exact strengths of 34 bands, a comb of 11 taps with fractional periods,
pitch by autocorrelation and dynamic programming. Fractional periods are interpolated linearly.
"""

import numpy as np

from percepkit.dsp.erb import layout

__all__ = ["targets"]

MIN_F0_HZ, MAX_F0_HZ = 62.5, 500.0


def targets(clean: np.ndarray, noisy: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Gains and strengths, each of shape (frames, 34)."""
    hop = sample_rate // 100
    frames = -(-len(clean) // hop) + 1
    starts = hop * np.arange(-1, frames - 1)
    n = np.arange(2 * hop)
    window = np.sin(np.pi / 2 * np.sin(np.pi * (n + 0.5) / (2 * hop)) ** 2)
    period = _pitch(clean, starts + hop, sample_rate)
    margin = int(6 * sample_rate / MIN_F0_HZ)
    weights = (1 + np.cos(np.pi * np.arange(-5, 6) / 6)) / 12
    spectra = []
    for signal in (clean, noisy):
        padded = np.pad(signal.astype(np.float64), (margin + hop, margin + 3 * hop))
        at = (starts + hop + margin)[:, None] + n
        combed = np.zeros(at.shape)
        for k, weight in zip(range(-5, 6), weights, strict=True):
            position = at - k * period[:, None]
            whole = np.floor(position).astype(np.int64)
            share = position - whole
            combed += weight * ((1 - share) * padded[whole] + share * padded[whole + 1])
        spectra += [np.fft.rfft(padded[at] * window), np.fft.rfft(combed * window)]
    return _solve(*spectra, _band_matrix(sample_rate), period > 0)


def _band_matrix(sample_rate: int) -> np.ndarray:
    bands = layout(sample_rate)
    matrix = np.zeros((len(bands), len(bands.first)))
    bins = np.arange(len(bands.first))
    matrix[bands.first, bins] = 1 - bands.weight
    matrix[np.minimum(bands.first + 1, len(bands) - 1), bins] += bands.weight
    return matrix


def _pitch(x: np.ndarray, centres: np.ndarray, sample_rate: int) -> np.ndarray:
    """Autocorrelation of 40 ms at the full rate, and the cheapest path through its lags."""
    half = int(0.02 * sample_rate)
    shortest, longest = int(sample_rate / MAX_F0_HZ), int(sample_rate / MIN_F0_HZ)
    padded = np.pad(x.astype(np.float64), (half, 2 * half + sample_rate // 50))
    window = np.hanning(2 * half)
    segments = padded[centres[:, None] + np.arange(2 * half)] * window
    size = 1 << int(np.ceil(np.log2(2 * half + longest)))
    power = np.abs(np.fft.rfft(segments, size)) ** 2
    shape = np.fft.irfft(np.abs(np.fft.rfft(window, size)) ** 2)[: longest + 1]
    lagged = np.fft.irfft(power)[:, : longest + 1]
    score = lagged / np.maximum(lagged[:, :1], 1e-9) / (shape / shape[0])
    octave = np.log2(np.arange(shortest, longest + 1) / shortest)
    cost = np.zeros(len(octave))
    origin = np.zeros((len(score), len(octave)), np.int64)
    for frame, row in enumerate(score[:, shortest:]):
        # Distance transform: the cheapest way from any lag, by running minima from both sides.
        up, down = cost - 0.5 * octave, cost + 0.5 * octave
        left, right = np.minimum.accumulate(up), np.minimum.accumulate(down[::-1])[::-1]
        from_left = left + 0.5 * octave <= right - 0.5 * octave
        first = np.maximum.accumulate(np.where(up <= left, np.arange(len(up)), 0))
        last = np.minimum.accumulate(np.where(down <= right, np.arange(len(up)), len(up) - 1)[::-1])[::-1]
        origin[frame] = np.where(from_left, first, last)
        cost = np.where(from_left, left + 0.5 * octave, right - 0.5 * octave) + 0.02 * octave + 1 - row
    path = np.zeros(len(score), np.int64)
    state = int(np.argmin(cost))
    for frame in range(len(score) - 1, -1, -1):
        path[frame] = state
        state = origin[frame, state]
    voiced = score[np.arange(len(score)), path + shortest] > 0.5
    return np.where(voiced, path + shortest, 0.0)


def _solve(
    x: np.ndarray, p: np.ndarray, y: np.ndarray, c: np.ndarray, bands: np.ndarray, voiced: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a.conj() * b).real @ bands.T

    xx, yy, pp, cc = (np.maximum(product(a, a), 1e-12) for a in (x, y, p, c))
    qx, qy = product(p, x) / np.sqrt(pp * xx), product(p, y) / np.sqrt(pp * yy)
    qp, qyp = product(p, c) / np.sqrt(pp * cc), product(y, c) / np.sqrt(yy * cc)
    a, b, gap = qp**2 - qx**2, qp * qy - qx**2 * qyp, qx**2 - qy**2
    root = np.sqrt(np.maximum(b**2 + a * gap, 0))
    u = gap / np.where(np.abs(b + root) > 1e-12, b + root, 1e-12)
    strength = np.where((u >= 0) & (b**2 + a * gap >= 0), np.abs(u) / (np.abs(u) + np.sqrt(cc / yy)), 1.0)
    strength = np.where((qy < qx) & voiced[:, None], strength, 0.0)
    return np.sqrt(np.minimum(xx / yy, 1)), strength
