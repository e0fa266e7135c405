"""The ideal targets of PercepNet and their application: ERB gains, comb strengths, band rescaling.

References
----------
J.-M. Valin et al., "A perceptually-motivated approach for low-complexity, real-time enhancement of fullband
speech", Interspeech 2020.
"""

from dataclasses import dataclass

import numpy as np

from percepkit.dsp.comb import comb_frames
from percepkit.dsp.erb import band_energy, interpolate, layout
from percepkit.dsp.pitch import track_pitch
from percepkit.dsp.postfilter import envelope_postfilter
from percepkit.dsp.stft import analyse, analyse_frames, synthesise
from percepkit.dsp.strength import measure_coherences, solve_strength

__all__ = ["Targets", "apply_targets", "compute_targets", "ideal_gains"]

SILENT_BAND = 1e-6  # RMS per bin, relative to full scale, below which a band's gain is "don't care"
MAX_RESCALE = 10.0  # bounds the make-up of a band that the comb filter emptied


@dataclass(frozen=True, eq=False)
class Targets:
    """Oracle targets of one item.

    Attributes
    ----------
    gains : float array in [0, 1], shape (frames, 34)
        g_b = ||x_b|| / ||y_b||, at most 1.
    strengths : float array in [0, 1], shape (frames, 34)
        r_b, share of the comb-filtered signal.
    attenuation : float array in (0, 1], shape (frames, 34)
        g_att; a network learns its product with ``gains``.
    period : float array, shape (frames,)
        Pitch period in samples, 0 for unvoiced frames.
    gains_valid, strengths_valid : bool array, shape (frames, 34)
        Where the values mean something: bands below Nyquist that are not silent, and voiced for strengths.
    """

    gains: np.ndarray
    strengths: np.ndarray
    attenuation: np.ndarray
    period: np.ndarray
    gains_valid: np.ndarray
    strengths_valid: np.ndarray


def ideal_gains(clean: np.ndarray, noisy: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Ideal ERB gains g_b = ||x_b|| / ||y_b||, clipped to [0, 1], and their validity.

    Parameters
    ----------
    clean, noisy : complex array, shape (frames, bins)
        Spectra by `percepkit.dsp.stft.analyse`.
    sample_rate : int
        In Hz.

    Returns
    -------
    gains : float array, shape (frames, 34)
        0 in bands of silence and above the Nyquist frequency.
    valid : bool array, shape (frames, 34)

    Examples
    --------
    >>> noisy = np.ones((1, 161), dtype=complex)
    >>> gains, valid = ideal_gains(0.5 * noisy, noisy, 16_000)
    >>> float(gains[0, 3]), bool(valid[0, 25]), bool(valid[0, 26])
    (0.5, True, False)
    """
    bands = layout(sample_rate)
    wanted, present = band_energy(clean, bands), band_energy(noisy, bands)
    valid = bands.mask & (present > (SILENT_BAND * clean.shape[1]) ** 2)
    ratio = np.divide(wanted, present, out=np.zeros_like(wanted), where=valid)
    return np.sqrt(np.minimum(ratio, 1.0)), valid


def compute_targets(clean: np.ndarray, noisy: np.ndarray, sample_rate: int) -> Targets:
    """Ideal gains, strengths and attenuation of one item.

    Parameters
    ----------
    clean, noisy : float array, shape (n_samples,)
        What a denoiser should output, and what it gets, time-aligned.
    sample_rate : int
        In Hz, at least 8000.

    Returns
    -------
    Targets
    """
    if clean.shape != noisy.shape:
        raise ValueError(f"clean has shape {clean.shape} and noisy {noisy.shape}; they must be equal and aligned")
    period = track_pitch(clean, sample_rate)
    x, y = analyse(clean, sample_rate), analyse(noisy, sample_rate)
    periodic = analyse_frames(comb_frames(clean, period, sample_rate))
    combed = analyse_frames(comb_frames(noisy, period, sample_rate))
    coherences = measure_coherences(x, y, periodic, combed, layout(sample_rate))
    strengths, attenuation = solve_strength(coherences)
    gains, valid = ideal_gains(x, y, sample_rate)
    return Targets(gains, strengths, attenuation, period, valid, coherences.valid & valid)


def apply_targets(
    noisy: np.ndarray, targets: Targets, sample_rate: int, *, comb: bool = True, postfilter: bool = False
) -> np.ndarray:
    """Turn targets into enhanced speech.

    The bands are rescaled after the comb filter, so that each has the energy that its gain asks for.

    Parameters
    ----------
    noisy : float array, shape (n_samples,)
    targets : Targets
        Of `compute_targets`, or predicted.
    sample_rate : int
        In Hz.
    comb : bool
        Apply strengths and attenuation, not the gains alone.
    postfilter : bool
        Apply `percepkit.dsp.postfilter.envelope_postfilter` to the gains.

    Returns
    -------
    float array of the dtype of ``noisy``, shape (n_samples,)
    """
    bands = layout(sample_rate)
    spectrum = analyse(noisy, sample_rate)
    energy = band_energy(spectrum, bands)
    gains = targets.gains
    if comb:
        gains = gains * targets.attenuation
        combed = analyse_frames(comb_frames(noisy, targets.period, sample_rate))
        spectrum = spectrum + interpolate(targets.strengths, bands).astype(noisy.dtype) * (combed - spectrum)
    if postfilter:
        gains = envelope_postfilter(gains, energy)
    if comb:
        mixed = band_energy(spectrum, bands)
        ratio = np.divide(energy, mixed, out=np.zeros_like(mixed), where=mixed > 0)
        gains = gains * np.minimum(np.sqrt(ratio), MAX_RESCALE)
    return synthesise(spectrum * interpolate(gains, bands).astype(noisy.dtype), len(noisy), sample_rate)
