"""Stationary noises with a prescribed spectrum: white, pink, brown, speech-shaped.

Each is Gaussian, drawn in the frequency domain over more time than is asked for, and cut: the end of
what remains does not join its start, so nothing tells a generated noise from a stretch of a longer one.
Every noise has an RMS of exactly 1; its peaks exceed 1 and are scaled where it is mixed.
"""

from collections.abc import Callable

import numpy as np
from scipy.fft import irfft, next_fast_len

from percepkit.dsp.draws import normal_samples

__all__ = [
    "LTASS_HZ",
    "LTASS_LEVEL_DB",
    "brown",
    "check_request",
    "pink",
    "shaped_noise",
    "speech_shaped",
    "unit_rms",
    "white",
]

LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 8_000, 96_000
LOWEST_HZ = 20.0  # coloured spectra stop rising below the range of hearing
SPARE_SECONDS = 0.5  # ten periods of LOWEST_HZ, cut off

#: Third-octave band centres (Hz) and levels (dB, 70 dB together) of the universal long-term average
#: speech spectrum: Byrne et al., JASA 96(4), 1994, males and females together.
# fmt: off
LTASS_HZ = np.array([
    63.0, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000, 1250, 1600, 2000, 2500, 3150, 4000,
    5000, 6300, 8000, 10000, 12500, 16000,
])
LTASS_LEVEL_DB = np.array([
    38.6, 43.5, 54.4, 57.7, 56.8, 60.2, 60.3, 59.0, 62.1, 62.1, 60.5, 56.8, 53.7, 53.0, 52.0, 48.7, 48.1,
    46.8, 45.6, 44.5, 44.3, 43.7, 43.4, 41.3, 40.7,
])
# fmt: on


def check_request(n_samples: int, sample_rate: int) -> None:
    """Raise ValueError unless a noise of this length can be generated at this rate."""
    if n_samples < 1:
        raise ValueError(f"a noise has at least 1 sample, not {n_samples}")
    if not LOWEST_RATE_HZ <= sample_rate <= HIGHEST_RATE_HZ:
        raise ValueError(f"noises are generated at {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ} Hz, not {sample_rate} Hz")


def unit_rms(x: np.ndarray) -> np.ndarray:
    """Scale a signal that is not silent to an RMS of 1.

    Examples
    --------
    >>> unit_rms(np.array([3.0, -3.0, 3.0]))
    array([ 1., -1.,  1.])
    """
    x = x / np.max(np.abs(x))  # keeps the squares of very quiet signals from vanishing
    return x / np.sqrt(np.mean(x**2))


def shaped_noise(
    n_samples: int, sample_rate: int, key: int, gain: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Gaussian noise whose amplitude spectrum follows a function of frequency.

    Parameters
    ----------
    n_samples, sample_rate : int
        Length and rate (Hz).
    key : int
        128-bit key, see `percepkit.dsp.draws.key_of`.
    gain : callable
        Amplitude at an array of frequencies (Hz, never 0). Features narrower than 2 Hz are smeared.

    Returns
    -------
    float64 array, shape (n_samples,)
        Noise without a component at 0 Hz before the cut, of RMS 1.

    Raises
    ------
    ValueError
        For a length under 1 or a rate outside 8 to 96 kHz.

    Examples
    --------
    >>> x = shaped_noise(48_000, 48_000, 7, lambda hz: hz < 1_000)
    >>> power = np.abs(np.fft.rfft(x * np.hanning(x.size))) ** 2
    >>> bool(power[1_100:].sum() < 1e-6 * power.sum())
    True
    """
    check_request(n_samples, sample_rate)
    period = 2 * next_fast_len((n_samples + int(SPARE_SECONDS * sample_rate) + 1) // 2, real=True)
    n_lines = period // 2 + 1
    spectrum = normal_samples(key, 2 * n_lines).view(np.complex128)
    spectrum[0] = 0.0
    spectrum[1:] *= gain(np.arange(1, n_lines) * (sample_rate / period))
    return unit_rms(irfft(spectrum, period, overwrite_x=True)[:n_samples])


def white(n_samples: int, sample_rate: int, key: int) -> np.ndarray:
    """White Gaussian noise of RMS 1 (parameters as `shaped_noise`).

    Examples
    --------
    >>> float(np.mean(white(1_000, 16_000, 1) ** 2).round(9))
    1.0
    """
    check_request(n_samples, sample_rate)
    return unit_rms(normal_samples(key, n_samples))


def pink(n_samples: int, sample_rate: int, key: int) -> np.ndarray:
    """Gaussian noise of RMS 1 falling by 3 dB an octave above 20 Hz (parameters as `shaped_noise`)."""
    return shaped_noise(n_samples, sample_rate, key, lambda hz: np.maximum(hz, LOWEST_HZ) ** -0.5)


def brown(n_samples: int, sample_rate: int, key: int) -> np.ndarray:
    """Gaussian noise of RMS 1 falling by 6 dB an octave above 20 Hz (parameters as `shaped_noise`)."""
    return shaped_noise(n_samples, sample_rate, key, lambda hz: 1.0 / np.maximum(hz, LOWEST_HZ))


def speech_shaped(n_samples: int, sample_rate: int, key: int) -> np.ndarray:
    """Gaussian noise of RMS 1 with the long-term average spectrum of speech (parameters as `shaped_noise`).

    The third-octave levels are those of `LTASS_LEVEL_DB` as far as the Nyquist frequency reaches; the
    spectral density between two band centres is interpolated in dB over the logarithm of frequency.

    References
    ----------
    D. Byrne et al., "An international comparison of long-term average speech spectra", JASA 96(4), 1994.
    """
    density_db = LTASS_LEVEL_DB - 10 * np.log10(LTASS_HZ)  # a band's width is proportional to its centre

    def gain(hz: np.ndarray) -> np.ndarray:
        return 10 ** (np.interp(np.log(hz), np.log(LTASS_HZ), density_db) / 20)

    return shaped_noise(n_samples, sample_rate, key, gain)
