"""Noises of machines, tones over a spectrum: mains hum, fan, siren, car.

The harmonics of one machine share one phase, which is the sum of a wandering frequency, and are read
together from a table of one period. Frequency and phase run on without a seam for as long as is asked.
Every noise has an RMS of exactly 1.
"""

import numpy as np

from percepkit.dsp.coloured import check_request, shaped_noise, unit_rms
from percepkit.dsp.draws import key_of, normal_samples, uniform

__all__ = ["car", "fan", "hum", "siren"]

TABLE_LENGTH = 2**15  # linear interpolation of 50 harmonics errs by less than -90 dB
HIGHEST_SHARE = 0.95  # of the Nyquist frequency, for the highest harmonic


def _uniforms(key: int, count: int) -> np.ndarray:
    """Uniform draws in (0, 1)."""
    return uniform(np.random.Philox(key=key).random_raw(count))


def _wander(n_samples: int, sample_rate: int, key: int, every_seconds: float) -> np.ndarray:
    """Smooth random curve, normal at knots ``every_seconds`` apart, joined by cubic steps."""
    place = np.arange(n_samples) / (every_seconds * sample_rate) + _uniforms(key_of(str(key), "start"), 1)[0]
    knot = place.astype(np.int64)
    share = place - knot
    share *= share * (3 - 2 * share)
    value = normal_samples(key_of(str(key), "knots"), int(knot[-1]) + 2)
    return value[knot] + share * np.diff(value)[knot]


def _harmonics(frequency_hz: np.ndarray, sample_rate: int, key: int, amplitudes: np.ndarray) -> np.ndarray:
    """Sum harmonics of a moving frequency, with drawn phases; those near or over Nyquist stay out.

    ``amplitudes[i]`` belongs to harmonic i + 1.
    """
    fit = int(HIGHEST_SHARE * sample_rate / 2 / frequency_hz.max())
    spectrum = np.zeros(TABLE_LENGTH // 2 + 1, dtype=complex)
    phase = 2 * np.pi * _uniforms(key_of(str(key), "phases"), amplitudes.size)
    spectrum[1 : amplitudes.size + 1] = amplitudes * np.exp(1j * phase)
    spectrum[fit + 1 :] = 0.0
    table = np.fft.irfft(spectrum, TABLE_LENGTH) * TABLE_LENGTH / 2
    table = np.append(table, table[0])
    place = np.cumsum(frequency_hz / sample_rate)
    place = (place - np.floor(place)) * TABLE_LENGTH
    index = np.minimum(place.astype(np.int64), TABLE_LENGTH - 1)
    return table[index] + (place - index) * np.diff(table)[index]


def _amplitudes(count: int, decay_db: float, key: int, spread_db: float) -> np.ndarray:
    """Amplitudes falling by ``decay_db`` an octave, each off by a drawn deviation."""
    deviation_db = spread_db * normal_samples(key_of(str(key), "levels"), count)
    return 10 ** ((deviation_db - decay_db * np.log2(np.arange(1, count + 1))) / 20)


def hum(n_samples: int, sample_rate: int, key: int, *, frequency_hz: float, decay_db: float) -> np.ndarray:
    """Mains hum: harmonics of the mains frequency that fall off slowly, drifting a little.

    Parameters
    ----------
    n_samples, sample_rate, key
        As `percepkit.dsp.coloured.shaped_noise`.
    frequency_hz : float
        Mains frequency, 50 or 60 Hz. It wanders by 0.02 %, the level by 0.3 dB (standard deviations).
    decay_db : float
        Fall of the harmonics in dB an octave; each deviates from it by 4 dB (standard deviation).

    Returns
    -------
    float64 array, shape (n_samples,)
        Hum of RMS 1 with harmonics up to the 40th.

    Examples
    --------
    >>> x = hum(16_000, 16_000, 3, frequency_hz=50.0, decay_db=6.0)
    >>> lines = np.abs(np.fft.rfft(x * np.hanning(x.size)))
    >>> bool(lines[[50, 100, 150]].min() > 100 * lines[[75, 125]].max())
    True
    """
    check_request(n_samples, sample_rate)
    drift = _wander(n_samples, sample_rate, key_of(str(key), "frequency"), 5.0)
    level_db = 0.3 * _wander(n_samples, sample_rate, key_of(str(key), "level"), 2.0)
    amplitudes = _amplitudes(40, decay_db, key, spread_db=4.0)
    tone = _harmonics(frequency_hz * (1 + 2e-4 * drift), sample_rate, key, amplitudes)
    return unit_rms(tone * 10 ** (level_db / 20))


def fan(
    n_samples: int, sample_rate: int, key: int, *, blade_hz: float, tone_db: float, cutoff_hz: float
) -> np.ndarray:
    """Fan: rushing air, low-passed, and the tones of blades passing.

    Parameters
    ----------
    n_samples, sample_rate, key
        As `percepkit.dsp.coloured.shaped_noise`.
    blade_hz : float
        Blade-passing frequency; it wanders by 0.3 % (standard deviation).
    tone_db : float
        Level of the tones over that of the air, dB.
    cutoff_hz : float
        Above it the air's spectrum falls by 12 dB an octave.

    Returns
    -------
    float64 array, shape (n_samples,)
        Fan noise of RMS 1.
    """
    air = shaped_noise(
        n_samples,
        sample_rate,
        key_of(str(key), "air"),
        lambda hz: (hz / 30) ** 2 / (1 + (hz / 30) ** 2) / (1 + (hz / cutoff_hz) ** 2),
    )
    frequency_hz = blade_hz * (1 + 3e-3 * _wander(n_samples, sample_rate, key_of(str(key), "speed"), 1.5))
    tone = unit_rms(_harmonics(frequency_hz, sample_rate, key, _amplitudes(8, 9.0, key, spread_db=3.0)))
    return unit_rms(air + 10 ** (tone_db / 20) * tone)


def siren(
    n_samples: int,
    sample_rate: int,
    key: int,
    *,
    low_hz: float,
    high_hz: float,
    period_seconds: float,
) -> np.ndarray:
    """Siren: a tone and its harmonics that sweep up and down between two frequencies.

    Parameters
    ----------
    n_samples, sample_rate, key
        As `percepkit.dsp.coloured.shaped_noise`.
    low_hz, high_hz : float
        Ends of the sweep of the fundamental, under 0.95 of the Nyquist frequency.
    period_seconds : float
        Time from one low to the next; where the sweep starts is drawn.

    Returns
    -------
    float64 array, shape (n_samples,)
        Siren of RMS 1 with up to 12 harmonics, as many as fit under the Nyquist frequency.

    Raises
    ------
    ValueError
        When the sweep is upside down or reaches too near the Nyquist frequency.
    """
    check_request(n_samples, sample_rate)
    if not 0 < low_hz <= high_hz < HIGHEST_SHARE * sample_rate / 2:
        raise ValueError(
            f"siren sweeps from low_hz={low_hz} to high_hz={high_hz} Hz: they must rise and stay under "
            f"{HIGHEST_SHARE * sample_rate / 2:g} Hz at {sample_rate} Hz"
        )
    turn = np.arange(n_samples) / (sample_rate * period_seconds) + _uniforms(key_of(str(key), "turn"), 1)[0]
    height = 0.5 - 0.5 * np.cos(2 * np.pi * turn)
    frequency_hz = np.exp(np.log(low_hz) + np.log(high_hz / low_hz) * height)
    return unit_rms(_harmonics(frequency_hz, sample_rate, key, _amplitudes(12, 8.0, key, spread_db=2.0)))


def car(n_samples: int, sample_rate: int, key: int, *, engine_hz: float, tone_db: float) -> np.ndarray:
    """Inside of a car: the engine's orders over low rumble and the hiss of tyres and wind.

    Parameters
    ----------
    n_samples, sample_rate, key
        As `percepkit.dsp.coloured.shaped_noise`.
    engine_hz : float
        Firing frequency; half its multiples sound too. It wanders by 1.5 % (standard deviation).
    tone_db : float
        Level of the engine over that of the road, dB.

    Returns
    -------
    float64 array, shape (n_samples,)
        Car noise of RMS 1.
    """
    road = shaped_noise(
        n_samples,
        sample_rate,
        key_of(str(key), "road"),
        lambda hz: np.minimum(hz / 25, 1.0) / (1 + (hz / 60) ** 2) + 0.012 / (1 + (hz / 1_200) ** 2),
    )
    speed = 1 + 0.015 * _wander(n_samples, sample_rate, key_of(str(key), "speed"), 2.0)
    amplitudes = _amplitudes(40, 6.0, key, spread_db=3.0)
    amplitudes[::2] *= 0.25  # the odd multiples of half the firing frequency
    engine = unit_rms(_harmonics(0.5 * engine_hz * speed, sample_rate, key, amplitudes))
    return unit_rms(road + 10 ** (tone_db / 20) * engine)
