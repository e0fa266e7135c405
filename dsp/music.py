"""What tells music from speech and noise: features of the last three seconds of a spectrum, and made-up music.

Notes stand still while speech glides and noise is drawn anew. So the spectrum is taken in windows of 128 ms, fine
enough for single harmonics, flattened, and compared with itself a fraction of a second before. Other features tell
how tonal it is, how the level moves (speech pauses, music seldom does), whether energy gathers in few classes of
pitch, and whether onsets come at regular distances.
"""

import numpy as np
import scipy.fft

from percepkit.dsp.coloured import check_request, unit_rms
from percepkit.dsp.draws import key_of, normal, uniform

__all__ = ["FEATURES", "STEP_SECONDS", "WINDOW_SECONDS", "features", "log_spectrum", "tune"]

WINDOW_SECONDS, STEP_SECONDS = 0.128, 0.04
LOWEST_HZ, HIGHEST_HZ = 78.0, 3800.0  # what every sample rate from 8 kHz on holds
FLOOR = 1e-6  # of a frame's mean power
FLATTEN_BINS = 31  # 240 Hz: wider than the distance of most harmonics
LAGS = (4, 8, 16, 30)  # steps; windows do not overlap from the fourth on
ONSET_LAGS = slice(6, 26)  # 0.24 to 1 s
RECENT = 38  # steps, 1.5 s, that all features but the onsets look at

#: Names of the features, in the order of `features`.
FEATURES = (
    *(f"steady_{round(1000 * STEP_SECONDS * lag)}ms" for lag in LAGS),
    "steady_spread",
    "flatness",
    "flatness_spread",
    "tonality",
    "tonality_spread",
    "level_spread_db",
    "pauses",
    "roughness",
    "chroma_entropy",
    "chroma_steady",
    "onset_regularity",
)


def log_spectrum(window: np.ndarray, sample_rate: int) -> np.ndarray:
    """Level of the bins from 78 to 3800 Hz of one window, and of all of them together.

    Parameters
    ----------
    window : float64 array, shape (n_samples,)
        128 ms of signal.
    sample_rate : int
        In Hz, at least 8000.

    Returns
    -------
    float64 array, shape (bins + 1,)
        Common logarithms of the powers; the last entry is that of their mean. Zeros for digital silence.
    """
    spectrum = scipy.fft.rfft(window * np.hanning(len(window)))
    hz = sample_rate / len(window)
    chosen = spectrum[round(LOWEST_HZ / hz) : round(HIGHEST_HZ / hz) + 1]
    power = chosen.real**2 + chosen.imag**2
    mean = power.mean()
    if mean <= 0:
        return np.zeros(len(power) + 1)
    return np.append(np.log10(power + FLOOR * mean), np.log10(mean))


def features(spectra: np.ndarray) -> np.ndarray:
    """Features of consecutive spectra, the last of them now.

    Parameters
    ----------
    spectra : float64 array, shape (steps, bins + 1)
        Of `log_spectrum`, one every 40 ms; 75 of them are three seconds, 14 the least.

    Returns
    -------
    float64 array, shape (len(FEATURES),)
        None depends on the level of the signal.

    Examples
    --------
    >>> t = np.arange(48_000) / 16_000
    >>> chord = sum(np.sin(2 * np.pi * hz * t) for hz in (261.6, 329.6, 392.0))
    >>> spectra = [log_spectrum(chord[i : i + 2048], 16_000) for i in range(0, 45_000, 640)]
    >>> dict(zip(FEATURES, features(np.array(spectra)).round(2)))["steady_160ms"]
    np.float64(1.0)
    """
    if len(spectra) < LAGS[0] + 10:
        raise ValueError(f"music shows after {LAGS[0] + 10} steps, found {len(spectra)}")
    recent, level = spectra[-RECENT:, :-1], spectra[-RECENT:, -1]
    flat = recent - _smooth(recent)
    spread = flat.std(axis=1)
    unit = (flat - flat.mean(axis=1, keepdims=True)) / np.maximum(spread, 1e-9)[:, None]
    steady = [_similarity(unit, lag) for lag in LAGS]
    flatness = recent.mean(axis=1) - level
    level_db = 10 * (level - level.max())
    chroma = np.maximum(flat, 0) @ _CHROMA[: flat.shape[1]]
    share = chroma.sum(axis=0) / max(chroma.sum(), 1e-9)
    centred = chroma - chroma.mean(axis=1, keepdims=True)
    centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)
    return np.array(
        [
            *(values.mean() for values in steady),
            steady[0].std(),
            flatness.mean(),
            flatness.std(),
            spread.mean(),
            spread.std(),
            np.maximum(level_db, -40).std(),
            np.mean(10 ** (level_db / 10) < 0.1 * np.mean(10 ** (level_db / 10))),
            np.abs(np.diff(recent, axis=0)).mean(),
            -np.sum(share * np.log(np.maximum(share, 1e-9))),
            np.sum(centred[LAGS[1] :] * centred[: -LAGS[1]], axis=1).mean(),
            _regularity(spectra[:, :-1]),
        ]
    )


def _smooth(spectra: np.ndarray) -> np.ndarray:
    """Running mean over bins, narrower at the ends."""
    half, n = FLATTEN_BINS // 2, spectra.shape[1]
    total = np.cumsum(np.pad(spectra, ((0, 0), (1, 0))), axis=1)
    first, last = np.maximum(np.arange(n) - half, 0), np.minimum(np.arange(n) + half + 1, n)
    return (total[:, last] - total[:, first]) / (last - first)


def _similarity(unit: np.ndarray, lag: int) -> np.ndarray:
    """Correlation over bins with the spectrum ``lag`` steps before; with the oldest where there is none."""
    lag = min(lag, len(unit) - 4)
    return np.mean(unit[lag:] * unit[:-lag], axis=1)


def _chroma_matrix() -> np.ndarray:
    """Which of the 12 classes of pitch a bin belongs to; bins are 1 / 0.128 Hz apart at every sample rate."""
    hz = np.arange(round(LOWEST_HZ * WINDOW_SECONDS), round(HIGHEST_HZ * WINDOW_SECONDS) + 2) / WINDOW_SECONDS
    place = np.mod(12 * np.log2(hz / 440), 12)
    distance = np.abs(place[:, None] - np.arange(12))
    distance = np.minimum(distance, 12 - distance)
    return np.maximum(1 - distance, 0) * (hz < 2000)[:, None]


_CHROMA = _chroma_matrix()


def _regularity(spectra: np.ndarray) -> float:
    """Highest autocorrelation of the onsets between 0.24 and 1 s."""
    onset = np.maximum(np.diff(spectra, axis=0), 0).mean(axis=1)
    onset = onset - onset.mean()
    energy = np.sum(onset**2)
    if energy <= 0:
        return 0.0
    correlation = np.correlate(onset, onset, "full")[len(onset) - 1 :] / energy
    return float(correlation[ONSET_LAGS].max(initial=0.0))


def tune(n_samples: int, sample_rate: int, key: int) -> np.ndarray:
    """Make up music: chords, a melody and a beat, of drawn tempo, scale, timbre and shares.

    Parameters
    ----------
    n_samples, sample_rate : int
        Length (at least 1) and rate, 8 to 96 kHz.
    key : int
        128-bit key, see `percepkit.dsp.draws.key_of`.

    Returns
    -------
    float64 array, shape (n_samples,)
        Music of RMS 1.

    Examples
    --------
    >>> tune(8_000, 8_000, key_of("doc")).shape
    (8000,)
    """
    check_request(n_samples, sample_rate)
    draw = uniform(np.random.Philox(key=key_of(str(key), "piece")).random_raw(10))
    beat_seconds = 60 / (70 + 90 * draw[0])
    root_hz, third = 110 * 2 ** draw[1], 3 + int(draw[2] < 0.5)
    out = np.zeros(n_samples)
    beats = int(n_samples / sample_rate / beat_seconds) + 1
    steps = uniform(np.random.Philox(key=key_of(str(key), "notes")).random_raw(6 * beats)).reshape(-1, 6)
    scale = np.array([0, 2, third if third == 4 else 3, 5, 7, 9 if third == 4 else 8, 11 if third == 4 else 10])
    for beat in range(beats):
        start = round(beat * beat_seconds * sample_rate)
        if beat % 2 == 0 and draw[3] < 0.8:
            degree = (0, 3, 4, 5)[int(4 * steps[beat, 0])]
            for offset in (0, 2, 4):
                hz = root_hz * 2 ** (scale[(degree + offset) % 7] / 12)
                _add_note(out, start, hz, 2 * beat_seconds, sample_rate, draw[4:7], 0.5 + draw[7])
        for half in range(2):
            if draw[8] < 0.8 and steps[beat, 1 + half] < 0.7:
                hz = 4 * root_hz * 2 ** (scale[int(7 * steps[beat, 3 + half])] / 12)
                at = start + round(half * beat_seconds / 2 * sample_rate)
                _add_note(out, at, hz, beat_seconds * (0.5 + steps[beat, 5]), sample_rate, draw[4:7], 1.0)
    if draw[9] < 0.6 or not out.any():
        _add_drums(out, beat_seconds, sample_rate, key_of(str(key), "drums"), 0.2 + draw[9])
    return unit_rms(out)


def _add_note(
    out: np.ndarray, start: int, hz: float, seconds: float, sample_rate: int, timbre: np.ndarray, level: float
) -> None:
    """One note: harmonics that fall off, plucked or held, with or without vibrato."""
    t = np.arange(min(round(seconds * sample_rate), len(out) - start)) / sample_rate
    if not len(t):
        return
    decay_db, held, vibrato = 3 + 12 * timbre[0], timbre[1] < 0.5, 0.006 * max(timbre[2] - 0.5, 0)
    count = max(min(int(0.45 * sample_rate / hz), 12), 1)
    phase = 2 * np.pi * hz * (t - vibrato / (2 * np.pi * 5.5) * np.cos(2 * np.pi * 5.5 * t))
    order = np.arange(1, count + 1)[:, None]
    rings = np.zeros_like(t) if held else -t / (0.25 + 0.5 * timbre[2])
    amplitude = 10 ** (-decay_db / 20 * np.log2(order)) * np.exp(rings * (1 if held else order**0.3))
    envelope = np.minimum(t / 0.01, 1) * np.minimum((t[-1] - t) / 0.02, 1)
    out[start : start + len(t)] += level * envelope * np.sum(amplitude * np.sin(order * phase + order), axis=0)


def _add_drums(out: np.ndarray, beat_seconds: float, sample_rate: int, key: int, level: float) -> None:
    """Low thuds on the beats, bursts of noise between them."""
    t = np.arange(int(0.15 * sample_rate)) / sample_rate
    thud = np.sin(2 * np.pi * 60 * t + 3 * (1 - np.exp(-t / 0.03))) * np.exp(-t / 0.05)
    for half in range(int(2 * len(out) / sample_rate / beat_seconds) + 1):
        burst = normal(np.random.Philox(key=key_of(str(key), half)).random_raw(len(t)))
        burst = burst * np.exp(-t / (0.05 if half % 4 == 2 else 0.015))
        sound = level * (2 * thud if half % 2 == 0 else 0 * thud) + 0.4 * level * burst
        start = round(half * beat_seconds / 2 * sample_rate)
        stop = min(start + len(t), len(out))
        out[start:stop] += sound[: max(stop - start, 0)]
