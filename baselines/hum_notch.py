"""Mains hum: finds the line frequency and its harmonics by itself, follows them, and subtracts them.

Twice a second the last two seconds are searched for lines at the multiples of a frequency near 50 or 60 Hz. When
two searches agree, an adaptive canceller estimates the complex amplitude of each line and subtracts it: a comb of
notches 1.3 Hz wide that follows the drift of the mains without a click. Without lines the signal passes unchanged.

References
----------
B. Widrow et al., "Adaptive noise cancelling: principles and applications", Proc. IEEE 63(12), 1975.
J. R. Glover, "Adaptive noise canceling applied to sinusoidal interferences", IEEE Trans. Acoust., Speech, Signal
Process. 25(6), 1977.
"""

import math

import numba
import numpy as np
import scipy.fft

from percepkit.baselines.denoiser import Spec, StreamedDenoiser, as_float64

__all__ = ["DENOISERS", "HumNotch", "HumNotchStream", "find_lines"]

HARMONICS = 20
NOMINAL_HZ = (50.0, 60.0)
DRIFT_HZ, STEP_HZ = 0.5, 0.02  # of the frequencies that are tried
WINDOW_SECONDS, SEARCH_SECONDS = 2.0, 0.5
ADAPTATION_SECONDS = 0.25  # of an amplitude
LINE_DB, LOST_DB = 15.0, 9.0  # a line begins, or is still there, so far above the median around it
MOST_DB = 30.0  # beyond which a line counts for a tenth
LINES, LOW_ORDERS = 2, 3  # lines that make a hum, one of them among the lowest orders; voices have higher ones
AGREEMENT_HZ = 0.1  # of two searches
AROUND_HZ, LINE_WIDTH_HZ = 12.0, 2.0  # where the median is taken, and what it leaves out


def find_lines(window: np.ndarray, sample_rate: int) -> tuple[float, np.ndarray]:
    """Find the frequency whose multiples stand out as lines.

    Parameters
    ----------
    window : float64 array, shape (n_samples,)
        Two seconds of signal.
    sample_rate : int
        In Hz.

    Returns
    -------
    frequency_hz : float
        The best near 50 or 60 Hz, whether lines stand out or not.
    prominence_db : float64 array, shape (HARMONICS,)
        Of each harmonic's line over the median around it; 0 above the Nyquist frequency.

    Examples
    --------
    >>> hum = np.sin(2 * np.pi * 50.3 * np.arange(16_000) / 8_000)
    >>> round(find_lines(hum, 8_000)[0], 1)
    50.3
    """
    power = np.abs(scipy.fft.rfft(window * np.hanning(len(window)), n=2 * len(window))) ** 2
    bin_hz = sample_rate / (2 * len(window))
    level_db = 10 * np.log10(np.maximum(power, power.max() * 1e-15 + 1e-300))
    found = [_best_near(level_db, bin_hz, nominal) for nominal in NOMINAL_HZ]
    frequency_hz, prominence_db = max(found, key=lambda pair: float(_evidence_db(pair[1]).sum()))
    return _refined(level_db, bin_hz, frequency_hz, prominence_db), prominence_db


def _evidence_db(prominence_db: np.ndarray) -> np.ndarray:
    """What each line counts for: nothing below the least that a line has."""
    counted_db = np.minimum(prominence_db, MOST_DB) + 0.1 * np.maximum(prominence_db - MOST_DB, 0)
    return np.where(prominence_db > LOST_DB, counted_db, 0)


def _best_near(level_db: np.ndarray, bin_hz: float, nominal_hz: float) -> tuple[float, np.ndarray]:
    orders = np.arange(1, HARMONICS + 1)
    orders = orders[orders * (nominal_hz + DRIFT_HZ) + AROUND_HZ < (len(level_db) - 1) * bin_hz]
    tried_hz = nominal_hz + np.arange(-DRIFT_HZ, DRIFT_HZ + STEP_HZ / 2, STEP_HZ)
    median_db = np.array([_median_around(level_db, bin_hz, order * nominal_hz) for order in orders])
    bins = np.rint(tried_hz[:, None] * orders / bin_hz).astype(int)
    prominence_db = np.zeros((len(tried_hz), HARMONICS))
    prominence_db[:, : len(orders)] = level_db[bins] - median_db
    best = int(np.argmax(_evidence_db(prominence_db).sum(axis=1)))
    return float(tried_hz[best]), prominence_db[best]


def _median_around(level_db: np.ndarray, bin_hz: float, centre_hz: float) -> float:
    frequency_hz = np.arange(len(level_db)) * bin_hz
    distance_hz = np.abs(frequency_hz - centre_hz)
    return float(np.median(level_db[(distance_hz < AROUND_HZ) & (distance_hz > LINE_WIDTH_HZ)]))


def _refined(level_db: np.ndarray, bin_hz: float, frequency_hz: float, prominence_db: np.ndarray) -> float:
    """Fit the frequency to the lines' peaks, each interpolated by a parabola through three bins."""
    orders = np.flatnonzero(_evidence_db(prominence_db)) + 1
    if not len(orders):
        return frequency_hz
    bins = np.rint(orders * frequency_hz / bin_hz).astype(int)
    bins = bins + np.argmax([level_db[bins + shift] for shift in (-1, 0, 1)], axis=0) - 1
    before, here, after = (level_db[bins + shift] for shift in (-1, 0, 1))
    curvature = before - 2 * here + after
    shift = 0.5 * (before - after) / np.where(curvature < 0, curvature, -np.inf)
    peaks_hz = (bins + np.clip(shift, -0.5, 0.5)) * bin_hz
    strength = 10 ** (prominence_db[orders - 1] / 10)  # one over the variance of a peak's frequency
    return float((strength * orders * peaks_hz).sum() / (strength * orders**2).sum())


class HumNotch(StreamedDenoiser):
    """The canceller as a denoiser: any sample rate of at least 400 Hz, no latency."""

    spec = Spec(
        name="hum-notch",
        summary="Notch comb on mains hum, 50 or 60 Hz and its drift found by itself.",
        paper="Widrow et al. 1975; Glover 1977",
        causal=True,
        invariances=frozenset({"level"}),
    )

    def latency_samples(self, sample_rate: int) -> int:
        """Zero: an output sample depends on no later input."""
        return 0

    def stream(self, sample_rate: int) -> "HumNotchStream":
        """Start a stream at ``sample_rate`` Hz."""
        return HumNotchStream(sample_rate)


class HumNotchStream:
    """The canceller and the search at work on a stream."""

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._history = np.zeros(round(WINDOW_SECONDS * sample_rate))
        self._search = round(SEARCH_SECONDS * sample_rate)
        self._until_search = self._search
        self._heard = 0
        self._frequency_hz = NOMINAL_HZ[0]
        self._present = np.zeros(HARMONICS, dtype=np.bool_)
        self._amplitudes = np.zeros(HARMONICS, dtype=np.complex128)
        self._phase = np.zeros(1)
        self._dtype: np.dtype = np.dtype(np.float64)

    @property
    def line_hz(self) -> float | None:
        """Frequency of the mains in Hz, or None while there is no hum."""
        return self._frequency_hz if self._present.any() else None

    def process(self, block: np.ndarray) -> np.ndarray:
        """Take the lines out of the next samples."""
        samples = as_float64(block)
        self._dtype = block.dtype
        output, done = np.empty(len(samples)), 0
        while done < len(samples):
            piece = samples[done : done + self._until_search]
            output[done : done + len(piece)] = self._cancel(piece)
            done += len(piece)
            self._remember(piece)
        return output.astype(self._dtype)

    def flush(self) -> np.ndarray:
        """Nothing is left: there is no latency."""
        return np.zeros(0, dtype=self._dtype)

    def _cancel(self, piece: np.ndarray) -> np.ndarray:
        if not self._present.any() and not self._amplitudes.any():
            return piece
        turn = 2 * math.pi * self._frequency_hz / self._sample_rate
        rate = 1 / (ADAPTATION_SECONDS * self._sample_rate)
        return _cancel(np.ascontiguousarray(piece), self._amplitudes, self._present, self._phase, turn, rate)

    def _remember(self, piece: np.ndarray) -> None:
        self._history = np.concatenate([self._history, piece])[len(piece) :]
        self._heard += len(piece)
        self._until_search -= len(piece)
        if not self._until_search:
            self._until_search = self._search
            if self._heard >= len(self._history):
                self._look()

    def _look(self) -> None:
        frequency_hz, prominence_db = find_lines(self._history, self._sample_rate)
        agreed = abs(frequency_hz - self._frequency_hz) < AGREEMENT_HZ
        found = prominence_db > np.where(self._present, LOST_DB, LINE_DB)
        hum = agreed and found[:LOW_ORDERS].any() and np.count_nonzero(found) >= LINES
        self._present = found & hum
        self._frequency_hz = frequency_hz


@numba.njit(cache=True, nogil=True)
def _cancel(
    samples: np.ndarray,
    amplitudes: np.ndarray,
    present: np.ndarray,
    phase: np.ndarray,
    turn: float,
    rate: float,
) -> np.ndarray:
    """Subtract the lines; adapt the amplitudes of those that are present, let the others fade."""
    output = np.empty_like(samples)
    rotor, step = complex(math.cos(phase[0]), math.sin(phase[0])), complex(math.cos(turn), math.sin(turn))
    for n in range(len(samples)):
        left, harmonic = samples[n], rotor
        for m in range(len(amplitudes)):
            if amplitudes[m] != 0:
                left -= (amplitudes[m] * harmonic).real
            harmonic *= rotor
        harmonic = rotor
        for m in range(len(amplitudes)):
            if present[m]:
                amplitudes[m] += 2 * rate * left * harmonic.conjugate()
            elif amplitudes[m] != 0:
                amplitudes[m] *= 1 - rate
                if abs(amplitudes[m]) < 1e-9 * abs(left):
                    amplitudes[m] = 0
            harmonic *= rotor
        output[n] = left
        rotor *= step
    phase[0] = (phase[0] + turn * len(samples)) % (2 * math.pi)
    return output


DENOISERS = (HumNotch(),)
