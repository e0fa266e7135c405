"""Shadow filtering: the gains that a denoiser computes on the noisy signal, applied to speech and noise alone.

A denoiser that multiplies the spectrum by gains is, once they are fixed, linear: what it does to the speech and
what it does to the noise can be heard and measured one by one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from percepkit.audio.resampling import resample
from percepkit.dsp.percepnet import Targets, compute_targets, ideal_gains
from percepkit.dsp.stft import analyse, hop_length, n_frames, synthesise
from percepkit.eval.metrics._interface import Unscorable, checked_estimate, checked_reference

__all__ = ["Shadow", "cast_shadow", "known_shadow", "prepare", "root_mean_square", "segments", "unprocessed"]

SEGMENT_SECONDS = 0.02
ACTIVE_RANGE_DB = 40.0


@dataclass(frozen=True, eq=False)
class Shadow:
    """An item's signals, at the rate at which the denoiser worked, and the gains that it computed.

    Attributes
    ----------
    clean, noisy, speech, noise : float64 array, shape (n_samples,)
        ``speech`` and ``noise`` as they stand in the mixture.
    gains : float64 array, shape (frames, bins)
        Frames and bins as in `percepkit.dsp.stft.analyse`.
    sample_rate : int
        In Hz.
    predicted : Targets or None
        Band gains and comb strengths, from denoisers that predict those.
    """

    clean: np.ndarray
    noisy: np.ndarray
    speech: np.ndarray
    noise: np.ndarray
    gains: np.ndarray
    sample_rate: int
    predicted: Targets | None = None

    def filtered(self, signal: np.ndarray) -> np.ndarray:
        """A signal after the gains, float64 of its shape."""
        spectrum = analyse(signal, hop_length(self.sample_rate))
        return synthesise(self.gains * spectrum, len(signal))

    @cached_property
    def oracle(self) -> Targets:
        """Ideal band gains and strengths of the item."""
        return compute_targets(self.clean, self.noisy, self.sample_rate)

    @cached_property
    def band_gains(self) -> np.ndarray:
        """Gains of the ERB bands: those predicted, or by how much the bands' energy falls."""
        if self.predicted is not None:
            return self.predicted.gains
        noisy = analyse(self.noisy, hop_length(self.sample_rate))
        bands = self.oracle.settings.layout(self.sample_rate)
        return ideal_gains(self.gains * noisy, noisy, bands)[0]


class _Unprocessed:
    def gains(self, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        hop = hop_length(sample_rate)
        return np.ones((n_frames(len(noisy), hop), hop + 1))


class _Gains(Protocol):
    def gains(self, noisy: np.ndarray, sample_rate: int) -> np.ndarray: ...


#: Lets everything through: how the noisy input itself is scored.
unprocessed = _Unprocessed()


def cast_shadow(denoiser: Any, stems: Mapping[str, np.ndarray], sample_rate: int, *, native_rate: int) -> Shadow:
    """Compute a denoiser's gains on an item.

    Parameters
    ----------
    denoiser : object
        With ``gains(noisy, sample_rate)``; one that predicts PercepNet's targets has ``predict`` of the same
        arguments, which returns `Targets`.
    stems : mapping of float array, shape (n_samples,)
        ``clean``, ``noisy``, ``speech`` and ``noise``.
    sample_rate, native_rate : int
        Of the stems, and the one that the denoiser works at; in Hz.

    Raises
    ------
    Unscorable
        ``no_gains`` if the denoiser has none to show, ``no_noise`` without speech and noise by themselves.
    """
    if not hasattr(denoiser, "gains"):
        raise Unscorable("no_gains", "the denoiser does not show gains")
    if "noise" not in stems:
        raise Unscorable("no_noise", "the item has no stem of the noise")
    signals = {
        name: resample(np.asarray(stems[name], np.float64), sample_rate, native_rate)
        for name in ("clean", "noisy", "speech", "noise")
    }
    shown: _Gains = denoiser
    gains = np.asarray(shown.gains(signals["noisy"].copy(), native_rate), np.float64)
    hop = hop_length(native_rate)
    expected = (n_frames(len(signals["noisy"]), hop), hop + 1)
    if gains.shape != expected:
        raise Unscorable("no_gains", f"the gains have the shape {gains.shape}, expected {expected}")
    predict = getattr(denoiser, "predict", None)
    predicted = None if predict is None else predict(signals["noisy"].copy(), native_rate)
    return Shadow(**signals, gains=gains, sample_rate=native_rate, predicted=predicted)


def prepare(reference: np.ndarray, sample_rate: int) -> int:
    """Check the reference and return its length: all else depends on the shadow."""
    return len(checked_reference(reference))


def known_shadow(length: int, estimate: np.ndarray, shadow: Shadow | None) -> Shadow:
    """The shadow of a checked estimate, or `Unscorable` where there is none."""
    checked_estimate(estimate, length)
    if shadow is None:
        raise Unscorable("no_gains", "the gains of the denoiser are not known")
    return shadow


def root_mean_square(error: np.ndarray, valid: np.ndarray, *, what: str) -> float:
    """Root mean square of an error over the bands and frames where the ideal values mean something.

    Parameters
    ----------
    error : float array, shape (frames, bands)
    valid : bool array, shape (frames, bands)
    what : str
        What no band is, where none is valid.

    Raises
    ------
    Unscorable
        ``silent_reference`` if no band of any frame can be compared.

    Examples
    --------
    >>> root_mean_square(np.array([[3.0, 4.0, 9.0]]), np.array([[True, True, False]]), what="is voiced")
    3.5355339059327378
    """
    if not valid.any():
        raise Unscorable("silent_reference", f"no band of any frame {what}")
    return float(np.sqrt(np.mean(error[valid] ** 2)))


def segments(signal: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Energies of a signal's 20 ms segments, and which of them lie within 40 dB of its loudest.

    Returns
    -------
    float64 array and bool array, shape (n_segments,)

    Raises
    ------
    Unscorable
        ``too_short`` for less than a segment.
    """
    length = round(SEGMENT_SECONDS * sample_rate)
    whole = signal[: len(signal) // length * length].reshape(-1, length)
    if not len(whole):
        raise Unscorable("too_short", f"{len(signal)} samples, and a segment has {length}")
    energy = np.sum(whole * whole, axis=1)
    return energy, (energy > 0) & (energy >= energy.max() * 10 ** (-ACTIVE_RANGE_DB / 10))
