"""Features made of band energies and pitch: those of PercepNet and of RNNoise.

References
----------
J.-M. Valin et al., "A perceptually-motivated approach for low-complexity, real-time enhancement of fullband
speech", Interspeech 2020 (PercepNet): magnitude with look-ahead, pitch coherence without, period, correlation.
J.-M. Valin, "A hybrid DSP/deep learning approach to real-time full-band speech enhancement", MMSP 2018 (RNNoise):
cepstrum, its differences, pitch, variability. Here on the bands of RNNoise v0.2 and a comb of PercepNet's length.
"""

from dataclasses import dataclass
from functools import lru_cache

import numba
import numpy as np
import scipy.fft

from percepkit.baselines.dnn.frames import Frames
from percepkit.dsp.comb import COMB_ORDER, comb_margin, comb_within
from percepkit.dsp.erb import Bands, band_energy, band_moments, layout
from percepkit.dsp.online_pitch import PitchTracker
from percepkit.dsp.pitch import MIN_F0_HZ
from percepkit.dsp.stft import Analyser, analyse_frames, hop_length

__all__ = ["PercepNetFeatures", "RnnoiseFeatures"]

FLOOR = 1e-8  # of a band's energy over the hop, re full scale: what 16-bit silence holds
CENTRE, SPREAD = 4.0, 0.5  # bring log energies of -8 to 1 to about -2 to 2.5
PERIOD_MARGIN = 1.1  # refined periods may be a little longer than the longest lag
LOUDEST, STEP = 7.0, 1.5  # powers of ten that a band may fall below the loudest so far, and the last
DIFFERENCES = 6  # coefficients that are differenced, and kept of the coherences
MEMORY = 8  # frames whose cepstra are compared


@dataclass(frozen=True)
class PercepNetFeatures:
    """Log energy of each band M frames ahead, its pitch coherence, the period and its correlation.

    Parameters
    ----------
    sample_rate : int
        In Hz, at least 8000; 34 bands at 48 kHz make 70 features, 26 bands at 16 kHz make 54.
    look_ahead_frames : int
        M. With 2, as in the system of 2021, the latency is 40 ms; with 3, as in 2020, 50 ms.
    """

    sample_rate: int
    look_ahead_frames: int = 2

    def __post_init__(self) -> None:
        """Check the values."""
        if self.look_ahead_frames < 0:
            raise ValueError(f"look_ahead_frames is {self.look_ahead_frames}; use 0 for none")

    @property
    def size(self) -> int:
        """Two for each band, and two."""
        return 2 * _n_bands(layout(self.sample_rate)) + 2

    def stream(self) -> "_PercepNetStream":
        """Start on a channel."""
        return _PercepNetStream(self.sample_rate, self.look_ahead_frames)


@dataclass(frozen=True)
class RnnoiseFeatures:
    """Cepstrum of the band energies and its differences, pitch coherences, period and variability.

    Parameters
    ----------
    sample_rate : int
        In Hz, at least 8000; 54 features at 48 kHz, 46 at 16 kHz.
    """

    sample_rate: int
    look_ahead_frames: int = 0

    @property
    def size(self) -> int:
        """One for each band, 18 of differences and coherences, and two."""
        return _n_bands(layout(self.sample_rate)) + 3 * DIFFERENCES + 2

    def stream(self) -> "_RnnoiseStream":
        """Start on a channel."""
        return _RnnoiseStream(self.sample_rate)


@dataclass(frozen=True, eq=False)
class _Pitched:
    """Frames with their pitch; ``ahead`` are the spectra of the newest frames that were used."""

    noisy: np.ndarray
    ahead: np.ndarray
    combed: np.ndarray
    period: np.ndarray
    correlation: np.ndarray


class _PitchAnalysis:
    """Spectra, pitch and comb of a stream, each frame as soon as its look-ahead has arrived."""

    def __init__(self, sample_rate: int, look_ahead_frames: int) -> None:
        self.hop, self._ahead = hop_length(sample_rate), look_ahead_frames
        self._margin = comb_margin(PERIOD_MARGIN * sample_rate / MIN_F0_HZ, COMB_ORDER)
        self._past = np.zeros(self._margin + (1 + look_ahead_frames) * self.hop)
        self._analyser = Analyser(self.hop, np.float64)
        self._tracker = PitchTracker(sample_rate, look_ahead_frames=look_ahead_frames)
        self._waiting = np.zeros((look_ahead_frames, self.hop + 1), np.complex128)
        self._early = look_ahead_frames  # rows still to come that lie before frame 0

    def process(self, samples: np.ndarray) -> _Pitched:
        """Take a whole number of hops."""
        newest = self._analyser.process(samples)
        spectra = np.concatenate([self._waiting, newest])
        self._waiting = spectra[len(newest) :]
        period, correlation = self._tracker.process(samples)
        signal = np.concatenate([self._past, samples])
        self._past = signal[len(samples) :]
        starts = self._margin + self.hop * np.arange(len(newest))
        look_ahead = self._ahead * self.hop
        combed = comb_within(signal, starts, period, self.hop, order=COMB_ORDER, look_ahead=look_ahead)
        early = min(self._early, len(newest))
        self._early -= early
        parts = spectra[: len(newest)], newest, analyse_frames(combed), period, correlation
        return _Pitched(*(part[early:] for part in parts))


def _log_energy(spectrum: np.ndarray, bands: Bands) -> np.ndarray:
    """Log energy of the bands below the Nyquist frequency."""
    return _log10_above(band_energy(spectrum, bands), _n_bands(bands), spectrum.shape[1] - 1)


@lru_cache(maxsize=8)
def _n_bands(bands: Bands) -> int:
    """Number of bands below the Nyquist frequency; they come first."""
    return int(bands.mask.sum())


@numba.njit(cache=True, nogil=True)
def _log10_above(energy: np.ndarray, n_bands: int, hop: int) -> np.ndarray:
    """Power of ten of the first bands' energy over the hop, none of silence."""
    out = np.empty((len(energy), n_bands))
    for frame in range(len(out)):
        for band in range(n_bands):
            out[frame, band] = np.log10(FLOOR + energy[frame, band] / hop)
    return out


def _coherence(pitched: _Pitched, bands: Bands) -> np.ndarray:
    """Coherence of each band with its comb-filtered self, 0 where either is silent."""
    return _shares(band_moments(pitched.noisy, pitched.combed, bands), _n_bands(bands))


@numba.njit(cache=True, nogil=True)
def _shares(moments: np.ndarray, n_bands: int) -> np.ndarray:
    """Product over the root of both energies, in [0, 1], of the first bands."""
    out = np.zeros((moments.shape[1], n_bands))
    for frame in range(len(out)):
        for band in range(n_bands):
            norm = np.sqrt(moments[1, frame, band] * moments[2, frame, band])
            if norm > FLOOR:
                out[frame, band] = min(max(moments[0, frame, band] / norm, 0.0), 1.0)
    return out


class _PercepNetStream:
    def __init__(self, sample_rate: int, look_ahead_frames: int) -> None:
        self._analysis = _PitchAnalysis(sample_rate, look_ahead_frames)
        self._bands, self._longest = layout(sample_rate), sample_rate / MIN_F0_HZ

    def process(self, samples: np.ndarray) -> Frames:
        pitched = self._analysis.process(samples)
        n = _n_bands(self._bands)
        rows = np.empty((len(pitched.noisy), 2 * n + 2), np.float32)
        rows[:, :n] = SPREAD * (_log_energy(pitched.ahead, self._bands) + CENTRE)
        rows[:, n : 2 * n] = 2 * _coherence(pitched, self._bands) - 1
        rows[:, 2 * n] = 2 * pitched.period / self._longest - 1
        rows[:, 2 * n + 1] = pitched.correlation
        return Frames(rows, pitched.noisy, pitched.combed, pitched.period)


class _RnnoiseStream:
    def __init__(self, sample_rate: int) -> None:
        self._analysis = _PitchAnalysis(sample_rate, 0)
        self._bands, self._longest = layout(sample_rate), sample_rate / MIN_F0_HZ
        self._past = np.zeros((MEMORY - 1, _n_bands(self._bands)))

    def process(self, samples: np.ndarray) -> Frames:
        pitched = self._analysis.process(samples)
        cepstra = np.concatenate([self._past, self._cepstrum(pitched.noisy)])
        self._past = cepstra[len(pitched.noisy) :]
        now, before, last = (cepstra[MEMORY - 1 - lag : len(cepstra) - lag] for lag in (0, 1, 2))
        kept = slice(None, DIFFERENCES)
        coherence = scipy.fft.dct(_coherence(pitched, self._bands), norm="ortho", axis=1)[:, kept]
        period = 2 * pitched.period / self._longest - 1
        rows = [
            now,
            (now - last)[:, kept],
            (now - 2 * before + last)[:, kept],
            coherence,
            period[:, None],
            _variability(cepstra)[:, None],
        ]
        return Frames(np.hstack(rows).astype(np.float32), pitched.noisy, pitched.combed, pitched.period)

    def _cepstrum(self, spectrum: np.ndarray) -> np.ndarray:
        """DCT of log energies that fall neither 70 dB below the loudest band so far nor 15 dB from the last."""
        energy = _log_energy(spectrum, self._bands)
        _lift(energy)
        return np.asarray(scipy.fft.dct(SPREAD * (energy + CENTRE), norm="ortho", axis=1))


@numba.njit(cache=True, nogil=True)
def _lift(energy: np.ndarray) -> None:
    """Keep log energies from falling too far below the loudest band so far and the last."""
    for row in energy:
        loudest = follow = -np.inf
        for band in range(len(row)):
            row[band] = max(row[band], loudest - LOUDEST, follow - STEP)
            loudest, follow = max(loudest, row[band]), max(follow - STEP, row[band])


@numba.njit(cache=True, nogil=True)
def _variability(cepstra: np.ndarray) -> np.ndarray:
    """Mean over the last eight frames of each one's squared distance to the nearest other."""
    out = np.zeros(max(len(cepstra) - MEMORY + 1, 0))
    for frame in range(len(out)):
        for i in range(frame, frame + MEMORY):
            nearest = np.inf
            for j in range(frame, frame + MEMORY):
                if i != j:
                    nearest = min(nearest, np.sum((cepstra[i] - cepstra[j]) ** 2))
            out[frame] += nearest / MEMORY
    return out
