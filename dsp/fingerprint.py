"""Fingerprints that tell whether two recordings hold the same audio, however it was stored.

Each frame becomes a word of 32 bits: whether the difference of energy between two neighbouring bands grew or fell
since a little earlier. That survives codecs, other sample rates and other levels. Two recordings are aligned by
words that they share, and compared by the share of bits that differ. A talker who says the same words again comes
close to that, but does not repeat the waveform: the last word is with the correlation.

References
----------
J. Haitsma, T. Kalker, "A highly robust audio fingerprinting system", ISMIR 2002.
"""

from dataclasses import dataclass

import numba
import numpy as np
from scipy.fft import rfft
from scipy.ndimage import maximum_filter1d
from scipy.signal import butter, correlate, sosfilt

__all__ = ["FLIPS", "Fingerprint", "differing_bits", "fingerprint_of", "waveform_correlation"]

N_BANDS = 33
LOWEST_HZ, HIGHEST_HZ = 250.0, 3400.0  # inside what a telephone, and a file of 8 kHz, hold
FRAME_SECONDS = 0.384
HOP_SECONDS = 0.016
LAG = 8  # frames between the two that are compared: neighbours differ too little
ACTIVE_RANGE_DB = 40.0
MARK_RADIUS = 5  # frames
FLIPS = 4  # least certain bits of a mark
BLOCK_FRAMES = 512
CORRELATED_HZ = (200.0, 1500.0)  # where codecs of low rates still follow the waveform


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """What remains of a recording.

    Attributes
    ----------
    words : uint32 array, shape (frames,)
        Every 16 ms; empty for less than about half a second.
    active : bool array, shape (frames,)
        Frames within 40 dB of the loudest: the bits of silence mean nothing.
    marks : int32 array, shape (marks,)
        Frames whose bits are most certain, the places to look for in other recordings.
    weak : uint8 array, shape (marks, 4)
        Numbers of the least certain bits of each mark.
    """

    words: np.ndarray
    active: np.ndarray
    marks: np.ndarray
    weak: np.ndarray

    def keys(self) -> np.ndarray:
        """Words under which a mark can be found: its own, and all that differ in its weak bits only.

        Returns
        -------
        uint32 array, shape (marks, 16)
        """
        subsets = (np.arange(1 << FLIPS)[:, None] >> np.arange(FLIPS)) & 1
        flips = (subsets.astype(np.uint32) << self.weak[:, None, :].astype(np.uint32)).sum(axis=2, dtype=np.uint32)
        return self.words[self.marks][:, None] ^ flips


def fingerprint_of(x: np.ndarray, sample_rate: int) -> Fingerprint:
    """Fingerprint a recording.

    Parameters
    ----------
    x : float array, shape (n_samples,)
        Its level does not matter.
    sample_rate : int
        In Hz, above 6800. Fingerprints of different rates can be compared.

    Returns
    -------
    Fingerprint

    Raises
    ------
    ValueError
        For a lower sample rate, or samples of more than one channel.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal(16_000)
    >>> a, b = fingerprint_of(x, 8000), fingerprint_of(0.01 * x[800:], 8000)
    >>> len(a.words), differing_bits(a, b, 6)[0] < 0.05
    (94, True)
    """
    x = np.asarray(x, dtype=np.float32)
    if x.ndim != 1:
        raise ValueError(f"expected one channel [n_samples], found shape {x.shape}")
    if sample_rate < 2 * HIGHEST_HZ:
        raise ValueError(f"sample_rate: expected {2 * HIGHEST_HZ:g} or more, found {sample_rate}; resample first")
    energy = _band_energies(x, sample_rate)
    if len(energy) <= LAG:
        return Fingerprint(np.zeros(0, "u4"), np.zeros(0, bool), np.zeros(0, "i4"), np.zeros((0, FLIPS), "u1"))
    slope = energy[:, :-1] - energy[:, 1:]
    change = slope[LAG:] - slope[:-LAG]
    both = energy[LAG:] + energy[:-LAG]
    certainty = np.abs(change) / np.maximum(both[:, :-1] + both[:, 1:], np.finfo(np.float32).tiny)
    loudness = np.minimum(energy[LAG:].sum(axis=1), energy[:-LAG].sum(axis=1))
    active = loudness > energy.sum(axis=1).max() * 10 ** (-ACTIVE_RANGE_DB / 10)
    bits = (change > 0).astype(np.uint32) << np.arange(N_BANDS - 1, dtype=np.uint32)
    words = bits.sum(axis=1, dtype=np.uint32)
    marks, weak = _marks(certainty, active)
    return Fingerprint(words, active, marks, weak)


def _band_energies(x: np.ndarray, sample_rate: int) -> np.ndarray:
    """Energy of each frame in bands of equal width in pitch, float32 [frames, 33]; only whole frames."""
    n, hop = round(FRAME_SECONDS * sample_rate), round(HOP_SECONDS * sample_rate)
    if len(x) < n:
        return np.zeros((0, N_BANDS), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(x, n)[::hop]
    window = np.hanning(n).astype(np.float32)
    edges = np.round(np.geomspace(LOWEST_HZ, HIGHEST_HZ, N_BANDS + 1) * n / sample_rate).astype(np.intp)
    bands = []
    for first in range(0, len(frames), BLOCK_FRAMES):
        spectrum = rfft(frames[first : first + BLOCK_FRAMES] * window, axis=1)[:, edges[0] : edges[-1]]
        bands.append(np.add.reduceat(np.abs(spectrum) ** 2, edges[:-1] - edges[0], axis=1))
    return np.concatenate(bands)


def _marks(certainty: np.ndarray, active: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frames that are surer than those around them once their weak bits are left out, and these bits."""
    order = np.argpartition(certainty, FLIPS, axis=1)
    score = np.take_along_axis(certainty, order[:, FLIPS : FLIPS + 1], axis=1)[:, 0] * active
    best = (score > 0) & (score == maximum_filter1d(score, 2 * MARK_RADIUS + 1))
    return np.flatnonzero(best).astype(np.int32), np.sort(order[best, :FLIPS], axis=1).astype(np.uint8)


def differing_bits(a: Fingerprint, b: Fingerprint, shift: int) -> tuple[float, float]:
    """Compare two fingerprints where they overlap.

    Parameters
    ----------
    a, b : Fingerprint
    shift : int
        Frames by which ``b`` begins after ``a``.

    Returns
    -------
    differing : float
        Share of the bits that differ among frames active in both: about 0.5 for unrelated audio, 0 for the same;
        1 where they share no such frame.
    overlap : float
        Share of the active frames of the one with fewer of them that are compared.
    """
    different, compared = _differing(a.words, a.active, b.words, b.active, shift)
    fewest = min(np.count_nonzero(a.active), np.count_nonzero(b.active))
    if not compared:
        return 1.0, 0.0
    return different / (compared * (N_BANDS - 1)), compared / fewest


@numba.njit(cache=True, nogil=True)
def _differing(
    a: np.ndarray, a_active: np.ndarray, b: np.ndarray, b_active: np.ndarray, shift: int
) -> tuple[int, int]:
    different = compared = 0
    for i in range(max(0, shift), min(len(a), len(b) + shift)):
        if a_active[i] and b_active[i - shift]:
            compared += 1
            word = a[i] ^ b[i - shift]
            while word:
                word &= word - np.uint32(1)
                different += 1
    return different, compared


def waveform_correlation(x: np.ndarray, y: np.ndarray, sample_rate: int) -> float:
    """Correlation of two recordings between 200 and 1500 Hz at the delay where they agree best.

    Parameters
    ----------
    x, y : float array, shape (n_samples,), (m_samples,)
    sample_rate : int
        In Hz, of both.

    Returns
    -------
    float
        Magnitude, 0 to 1, over the samples that overlap at this delay; 0 for silence.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal(16_000)
    >>> waveform_correlation(x, -0.1 * x[500:], 8000) > 0.99
    True
    """
    sos = butter(2, CORRELATED_HZ, "bandpass", fs=sample_rate, output="sos")
    x, y = sosfilt(sos, x), sosfilt(sos, y)
    product = np.abs(correlate(x, y, method="fft"))
    delay = int(np.argmax(product)) - (len(y) - 1)
    x, y = x[max(0, delay) :], y[max(0, -delay) :]
    n = min(len(x), len(y))
    energy = float(np.sum(x[:n] ** 2)) * float(np.sum(y[:n] ** 2))
    return min(1.0, float(product.max()) / energy**0.5) if energy > 0 else 0.0
