"""Pitch of a noisy signal, hop by hop: the correlation and the path of `percepkit.dsp.pitch`, with little future.

Every frame is decided from the last 200 ms and one frame to come. What the tracker of whole recordings also knows,
the loudest frame and the rest of the path, is not asked for: a result depends on the samples around it alone, in
blocks of any size.

In noise the track thins out before it errs. Against the track of the clean voice, on 7 sentences in pink noise at
0 dB SNR, 62 % of the voiced frames were found, 4 % of those more than a fifth off, and 0.3 % of the unvoiced
frames were taken for voiced (the tracker of whole recordings: 51 %, 1 %, 0.2 %); at 5 dB 82 %, 2 % and 1 %. In
clean speech 99 % were found, and 18 % of the unvoiced frames had a pitch too: the hum of pauses, which only a
look at the whole recording calls silence.
"""

import numba
import numpy as np
from scipy.signal import butter, firwin, lfilter

from percepkit.dsp.pitch import (
    JUMP_COST,
    MAX_F0_HZ,
    MIN_F0_HZ,
    RATE_HZ,
    REACH,
    VOICING_COST,
    WINDOW_SECONDS,
    _best_path,
    _raise_peaks,
    _refine,
)

__all__ = ["FUTURE_FRAMES", "PitchStream"]

FUTURE_FRAMES = 1  # of the path, after the frame that is decided
PATH_FRAMES = 20  # that are decided upon anew with each frame
HIGH_PASS_HZ = 100.0  # takes rumble, which would pass for a slow pitch
CUT_HZ = 1200.0  # of the low-pass that leaves the lower harmonics, which noise spares longest
HALF_TAP_SECONDS = 0.001
SILENCE = 1e-12  # power of a segment below which it has no pitch


class PitchStream:
    """Pitch periods of a signal that arrives hop by hop.

    Parameters
    ----------
    sample_rate : int
        In Hz, at least 8000.
    hop : int
        Samples between frames, `percepkit.dsp.stft.hop_length` of the sample rate.

    Attributes
    ----------
    delay_hops : int
        Hops from the centre of a frame to the end of what its pitch depends on.

    Examples
    --------
    >>> t = np.arange(16_000) / 16_000
    >>> voice = sum(np.sin(2 * np.pi * 125.0 * k * t) / k for k in range(1, 20))
    >>> stream = PitchStream(16_000, 160)
    >>> bool(abs(np.median(stream.process(voice)) - 128.0) < 0.1)
    True
    """

    def __init__(self, sample_rate: int, hop: int) -> None:
        if sample_rate < RATE_HZ:
            raise ValueError(
                f"pitch tracking needs at least {RATE_HZ} Hz, found {sample_rate}; resample the signal first"
            )
        self._factor = sample_rate // RATE_HZ
        rate = sample_rate / self._factor
        self._shortest, self._longest = int(rate / MAX_F0_HZ), int(np.ceil(rate / MIN_F0_HZ))
        half_taps = int(HALF_TAP_SECONDS * sample_rate)
        self._taps = firwin(2 * half_taps + 1, CUT_HZ, fs=sample_rate)
        half = int(WINDOW_SECONDS * rate / 2)
        self._window = np.hanning(2 * half + 1)
        lags = self._longest + REACH + 2
        shape = np.correlate(self._window, self._window, "full")[len(self._window) - 1 :][:lags]
        self._unshape = shape[0] / shape
        self._reach = half * self._factor + half_taps
        self._high_pass = butter(2, HIGH_PASS_HZ, "highpass", fs=sample_rate)
        self._state = np.zeros(2)
        self._hop, self._pace = hop, 0.01 * sample_rate / hop
        self.delay_hops = -(-(self._reach + 1) // hop) + FUTURE_FRAMES
        self._past = np.zeros(self._reach + self._ahead(hop))
        self._rows = np.zeros((PATH_FRAMES, lags))
        octaves = np.log2(np.arange(self._shortest, self._longest + 1) / self._shortest)
        self._octaves = octaves.astype(np.float32)

    def _ahead(self, hop: int) -> int:
        """Samples from the centre of the newest frame to the end of the hop that completes it."""
        return (self.delay_hops - FUTURE_FRAMES) * hop

    def process(self, block: np.ndarray) -> np.ndarray:
        """Take a whole number of hops; one period for each.

        Parameters
        ----------
        block : float64 array, shape (hops x hop,)

        Returns
        -------
        float64 array, shape (hops,)
            Periods in samples, 0 where unvoiced. After n hops in all, the last belongs to the frame centred on
            sample (n - ``delay_hops``) hop.
        """
        count = len(block) // self._hop
        if count * self._hop != len(block):
            raise ValueError(f"expected a multiple of {self._hop} samples, found {len(block)}")
        if not count:
            return np.zeros(0)
        filtered, self._state = lfilter(*self._high_pass, block, zi=self._state)
        samples = np.concatenate([self._past, filtered])
        self._past = samples[len(block) :]
        centres = self._reach + self._hop * np.arange(1, count + 1)
        new = _correlations(samples, centres, self._factor, self._taps, self._window, self._unshape)
        rows = np.concatenate([self._rows, new])
        self._rows = rows[count:]
        correlation = rows[1:].astype(np.float32)
        raised = _raise_peaks(correlation, self._shortest, self._longest)
        lags = _decide(raised, count, self._octaves, JUMP_COST * self._pace, VOICING_COST * self._pace)
        decided = np.ascontiguousarray(correlation[PATH_FRAMES - 1 - FUTURE_FRAMES :][:count])
        return _refine(decided, np.where(lags < 0, 0, lags + self._shortest)) * self._factor


@numba.njit(cache=True, nogil=True)
def _correlations(
    x: np.ndarray, centres: np.ndarray, factor: int, taps: np.ndarray, window: np.ndarray, unshape: np.ndarray
) -> np.ndarray:
    """Autocorrelation coefficients of the low-passed, decimated and windowed signal around each centre."""
    n, half_taps = len(window), len(taps) // 2
    out = np.zeros((len(centres), len(unshape)))
    segment = np.empty(n)
    for frame in range(len(centres)):
        first = centres[frame] - n // 2 * factor - half_taps
        mean = 0.0
        for i in range(n):
            total = 0.0
            for j in range(len(taps)):
                total += taps[j] * x[first + i * factor + j]
            segment[i] = total
            mean += total / n
        power = 0.0
        for i in range(n):
            segment[i] = (segment[i] - mean) * window[i]
            power += segment[i] ** 2
        if power <= SILENCE:
            continue
        for lag in range(len(unshape)):
            total = 0.0
            for i in range(n - lag):
                total += segment[i] * segment[i + lag]
            out[frame, lag] = total / power * unshape[lag]
    return out


@numba.njit(cache=True, nogil=True)
def _decide(
    raised: np.ndarray, count: int, octaves: np.ndarray, jump_cost: float, voicing_cost: float
) -> np.ndarray:
    """Lag index of each new frame, -1 for unvoiced: the path over the frames before it and one to come."""
    lags = np.empty(count, np.int64)
    for frame in range(count):
        path = _best_path(raised[frame : frame + PATH_FRAMES], octaves, jump_cost, voicing_cost)
        lags[frame] = path[PATH_FRAMES - 1 - FUTURE_FRAMES]
    return lags
