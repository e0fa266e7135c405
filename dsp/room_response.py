"""Room impulse responses from simulated reflections: pulses of image sources, noise under an energy envelope.

Simulators tell when reflections arrive and how much energy they keep in each octave. What is heard is made here:
early reflections are pulses behind minimum-phase filters, so that nothing sounds before it arrives; late
reflections are pulses at random times, shaped in octaves by the energy that arrives over time.

References
----------
D. Schroeder, "Physically based real-time auralization of interactive virtual environments", RWTH Aachen, 2011,
section 5.3.4.
A. V. Oppenheim, R. W. Schafer, "Discrete-time signal processing", section 13.5 (minimum phase by the cepstrum).
"""

import math
from functools import lru_cache

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from percepkit.dsp import draws

__all__ = ["HALF_TAPS", "diffuse_tail", "early_reflections", "octave_centres"]

HALF_TAPS = 40  # of the windowed sinc; responses start that many samples late, to hold the left wing
FILTER_SECONDS = 0.02
MOST_PULSES = 10_000.0  # a second, of the tail: more sound like noise already


def octave_centres(sample_rate: int) -> np.ndarray:
    """Octave bands from 125 Hz up to half the sampling rate.

    Examples
    --------
    >>> octave_centres(16000)[[0, -1]]
    array([ 125., 8000.])
    """
    return 125.0 * 2.0 ** np.arange(math.floor(math.log2(sample_rate / 125)))


def early_reflections(
    distances_m: np.ndarray, gains: np.ndarray, sample_rate: int, *, speed_of_sound: float
) -> np.ndarray:
    """Sum of the pulses of image sources.

    Parameters
    ----------
    distances_m : float array, shape (images,)
        From each image to the microphone.
    gains : float array, shape (bands, images)
        Amplitude of each image at 1 m and above, at `octave_centres`, all positive; in between the level in dB is
        interpolated over the logarithm of the frequency.
    sample_rate : int
        In Hz.
    speed_of_sound : float
        In m/s.

    Returns
    -------
    float64 array, shape (n,)
        A pulse from distance d stands at ``HALF_TAPS + d / speed_of_sound * sample_rate``.

    Examples
    --------
    >>> h = early_reflections(np.array([3.43]), np.full((7, 1), 0.5), 16000, speed_of_sound=343.0)
    >>> int(np.argmax(h)), round(float(h.max()), 3)
    (200, 0.5)
    """
    delays = distances_m / speed_of_sound * sample_rate
    whole = np.floor(delays).astype(np.intp)
    t = np.arange(-HALF_TAPS, HALF_TAPS + 2) - (delays - whole)[:, None]
    taps = np.sinc(t) * np.cos(0.5 * np.pi * np.clip(t / (HALF_TAPS + 1), -1, 1)) ** 2
    n_filter = next_fast_len(round(FILTER_SECONDS * sample_rate) + taps.shape[1])
    # einsum, because a BLAS product's last bits change with the number of threads.
    spectra = np.exp(np.einsum("bi,bf->if", np.log(gains), _minimum_phase(sample_rate, n_filter)))
    pulses = irfft(spectra * rfft(taps, n_filter), n_filter)
    places = whole[:, None] + np.arange(n_filter)
    return np.bincount(places.ravel(), pulses.ravel())


def diffuse_tail(
    energy: np.ndarray,
    bin_samples: int,
    sample_rate: int,
    *,
    start: int,
    volume_m3: float,
    speed_of_sound: float,
    key: int,
) -> np.ndarray:
    """Late reverberation: pulses at random times with the energy that arrives over time.

    The pulses come as often as reflections do in a room of this volume, 4 pi c^3 t^2 / V a second, until there are
    10,000 a second.

    Parameters
    ----------
    energy : float array, shape (bands, bins)
        Energy that arrives within each bin, at `octave_centres`; the unit is that of a pulse of amplitude 1.
    bin_samples : int
        Length of a bin.
    sample_rate : int
        In Hz.
    start : int
        Sample before which nothing can arrive.
    volume_m3, speed_of_sound : float
        Of the room; in m/s.
    key : int
        Of the pulses' times and signs, see `percepkit.dsp.draws`.

    Returns
    -------
    float64 array, shape (HALF_TAPS + bins * bin_samples,)
        In the time frame of `early_reflections`.

    Examples
    --------
    >>> h = diffuse_tail(np.ones((7, 50)), 160, 16000, start=400, volume_m3=50, speed_of_sound=343.0, key=1)
    >>> bool(45 < (h**2).sum() < 50), bool(h[:440].any())
    (True, False)
    """
    n_samples = energy.shape[1] * bin_samples
    density = 4 * np.pi * speed_of_sound**3 / volume_m3
    spectrum = rfft(_pulse_train(density, n_samples, sample_rate, key), next_fast_len(2 * n_samples, real=True))
    n_fft = 2 * (len(spectrum) - 1)
    tail = np.zeros(HALF_TAPS + n_samples)
    centres, samples = (np.arange(energy.shape[1]) + 0.5) * bin_samples, np.arange(n_samples)
    for share, arriving in zip(_octave_shares(sample_rate, n_fft), energy, strict=True):
        band = irfft(spectrum * share, n_fft)[:n_samples]
        tail[HALF_TAPS:] += band * np.sqrt(np.interp(samples, centres, arriving / bin_samples))
    tail[: HALF_TAPS + start] = 0.0
    return tail


def _pulse_train(density: float, n_samples: int, sample_rate: int, key: int) -> np.ndarray:
    """Poisson process of rate min(density t^2, MOST_PULSES) with random signs, of unit power throughout."""
    full = math.sqrt(MOST_PULSES / density)  # s; from here on the rate is constant
    before = density * full**3 / 3  # pulses expected until then
    expected = before + MOST_PULSES * n_samples / sample_rate
    u = draws.uniform(draws.words(key, 0, math.ceil(expected + 6 * math.sqrt(expected) + 10)))
    counted = np.cumsum(-np.log(u[:, 0]))  # a Poisson process of rate 1, taken to where that many are expected
    seconds = np.where(counted < before, np.cbrt(3 * counted / density), full + (counted - before) / MOST_PULSES)
    amplitudes = np.sqrt(sample_rate / np.minimum(density * seconds**2, MOST_PULSES)) * np.sign(u[:, 1] - 0.5)
    places = (seconds * sample_rate).astype(np.intp)
    inside = places < n_samples
    return np.bincount(places[inside], amplitudes[inside], minlength=n_samples)


def _octave_shares(sample_rate: int, n_fft: int) -> np.ndarray:
    """How far each frequency belongs to each octave, shape (bands, n_fft / 2 + 1); every column sums to 1."""
    centres = octave_centres(sample_rate)
    octaves = np.log2(np.maximum(np.arange(n_fft // 2 + 1) * sample_rate / n_fft, 1.0) / centres[0])
    place = np.clip(octaves, 0, len(centres) - 1)
    return np.maximum(1 - np.abs(place - np.arange(len(centres))[:, None]), 0)


@lru_cache(maxsize=8)
def _minimum_phase(sample_rate: int, n_fft: int) -> np.ndarray:
    """Complex log spectra of minimum-phase filters that raise one octave by 1 neper each."""
    n_long = 8 * n_fft  # cepstra of kinked curves are long: without room they would wrap
    cepstra = irfft(_octave_shares(sample_rate, n_long), n_long)
    cepstra[:, 1 : n_long // 2] *= 2
    cepstra[:, n_long // 2 + 1 :] = 0
    return rfft(cepstra)[:, ::8]
