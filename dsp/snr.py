"""Signal-to-noise ratios of speech against noise, by several definitions of level.

``rms``: mean powers over the whole item. ``active``: ITU-T P.56 active level of the speech against the mean
power of the noise. ``simultaneous``: energies over the frames of 200 ms in which both sound, that is, in which
each has a mean power within 40 dB of its own loudest frame. ``segmental``: mean over the frames of 20 ms in which
the speech sounds in that sense of the frame's SNR in dB, held between -10 and 35 dB (Loizou). ``lufs``: difference
of integrated loudness (ITU-R BS.1770). Frames lie side by side; the last takes the rest of the samples.

References
----------
P. Loizou, "Speech Enhancement: Theory and Practice", 2nd ed., 2013, section 11.1.
"""

from typing import Literal, get_args

import numpy as np
from scipy.optimize import brentq

from percepkit.dsp.level import active_level_dbfs, rms_dbfs

__all__ = ["SnrKind", "noise_gain", "realised_snr_db", "trajectory_gain"]

SnrKind = Literal["rms", "active", "simultaneous", "segmental", "lufs"]

SEGMENT_SECONDS = 0.02
SIMULTANEOUS_SECONDS = 0.2
ACTIVE_RANGE_DB = (
    40.0 + 1e-9
)  # frames farther below the loudest do not sound; exactly 40 dB is no matter of rounding
LOWEST_DB, HIGHEST_DB = -10.0, 35.0  # of a frame in the segmental SNR
LOUDNESS_SECONDS = 0.4  # block of BS.1770


def realised_snr_db(speech: np.ndarray, noise: np.ndarray, sample_rate: int, *, kind: SnrKind) -> float:
    """SNR of speech against noise as they stand in the mix.

    Parameters
    ----------
    speech, noise : float array, shape (n_samples,)
    sample_rate : int
        In Hz.
    kind : {"rms", "active", "simultaneous", "segmental", "lufs"}

    Returns
    -------
    float
        In dB. Turning both up or down together does not change it.

    Raises
    ------
    ValueError
        If a signal is silent or not finite, if the two are not one channel of one length, if they never sound
        together ("simultaneous"), or if they are shorter than 0.4 s ("lufs").

    Examples
    --------
    >>> round(realised_snr_db(np.full(8000, 0.1), np.full(8000, 0.01), 16_000, kind="rms"), 9)
    20.0
    """
    if kind not in get_args(SnrKind):
        raise ValueError(f"no SNR is called {kind!r}; choose from {', '.join(get_args(SnrKind))}")
    if speech.ndim != 1 or speech.shape != noise.shape:
        raise ValueError(
            f"expected one channel of speech and as much noise, found shapes {speech.shape} and {noise.shape}"
        )
    speech_dbfs, noise_dbfs = _level("speech", speech), _level("noise", noise)
    if kind == "rms":
        return speech_dbfs - noise_dbfs
    if kind == "active":
        return active_level_dbfs(speech, sample_rate)[0] - noise_dbfs
    if kind == "lufs":
        return _loudness(speech, sample_rate) - _loudness(noise, sample_rate)
    if kind == "segmental":
        return _held_mean(_frame_snrs_db(speech, noise, sample_rate))
    return _simultaneous(speech, noise, sample_rate)


def noise_gain(speech: np.ndarray, noise: np.ndarray, snr_db: float, sample_rate: int, *, kind: SnrKind) -> float:
    """Gain of the noise that gives a mix its SNR.

    Parameters
    ----------
    speech, noise : float array, shape (n_samples,)
        As they go into the mix: any normalisation comes before.
    snr_db : float
        A segmental SNR cannot leave -10 to 35 dB, and not even reach these.
    sample_rate : int
        In Hz.
    kind : {"rms", "active", "simultaneous", "segmental", "lufs"}
        See the module's beginning.

    Returns
    -------
    float
        Above 0. ``realised_snr_db(speech, gain * noise, sample_rate, kind=kind)`` is ``snr_db``.

    Raises
    ------
    ValueError
        As `realised_snr_db`, and if no gain gives this SNR.

    Examples
    --------
    >>> round(noise_gain(np.full(8000, 0.1), np.full(8000, 0.1), 20.0, 16_000, kind="rms"), 9)
    0.1
    """
    now_db = realised_snr_db(speech, noise, sample_rate, kind=kind)
    if not np.isfinite(snr_db):
        raise ValueError(f"expected a finite SNR in dB, found {snr_db}")
    if kind == "segmental":
        return float(10 ** (_segmental_gain_db(_frame_snrs_db(speech, noise, sample_rate), snr_db) / 20))
    return float(10 ** ((now_db - snr_db) / 20))


def trajectory_gain(
    times_seconds: np.ndarray, values_db: np.ndarray, n_samples: int, sample_rate: int
) -> np.ndarray:
    """Gain that follows levels given at some times, linear in dB between them and constant outside.

    Parameters
    ----------
    times_seconds, values_db : float array, shape (knots,)
        Times in order, at least one.
    n_samples, sample_rate : int

    Returns
    -------
    float32 array, shape (n_samples,)

    Raises
    ------
    ValueError
        If there are no knots, not as many values as times, times out of order, or anything that is not finite.

    Examples
    --------
    >>> trajectory_gain(np.array([0.0, 1.0]), np.array([0.0, 40.0]), 5, 2).tolist()
    [1.0, 10.0, 100.0, 100.0, 100.0]
    """
    times, values = np.asarray(times_seconds, dtype=np.float64), np.asarray(values_db, dtype=np.float64)
    if times.ndim != 1 or times.shape != values.shape or len(times) == 0:
        raise ValueError(f"expected as many values as times, found shapes {values.shape} and {times.shape}")
    if not (np.isfinite(times).all() and np.isfinite(values).all() and (np.diff(times) > 0).all()):
        raise ValueError(f"expected finite values at finite, rising times, found {values} dB at {times} s")
    course = np.interp(np.arange(n_samples) / sample_rate, times, values)
    return (10 ** (course / 20)).astype(np.float32)


def _level(name: str, x: np.ndarray) -> float:
    level = rms_dbfs(x)
    if level == -np.inf:
        raise ValueError(f"the {name} is silent: there is no SNR")
    if not np.isfinite(level):
        raise ValueError(f"the {name} holds NaN or infinite samples; leave this file out")
    return level


def _energies(x: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Energy of each frame, and whether it sounds."""
    starts = np.arange(max(len(x) // size, 1)) * size
    energy = np.add.reduceat(np.square(x, dtype=np.float64), starts)
    power = energy / np.diff(starts, append=len(x))
    return energy, power >= max(power.max() * 10 ** (-ACTIVE_RANGE_DB / 10), np.finfo(float).tiny)


def _simultaneous(speech: np.ndarray, noise: np.ndarray, sample_rate: int) -> float:
    size = round(SIMULTANEOUS_SECONDS * sample_rate)
    (wanted, wanted_sounds), (unwanted, unwanted_sounds) = _energies(speech, size), _energies(noise, size)
    both = wanted_sounds & unwanted_sounds
    if not both.any():
        raise ValueError(
            "speech and noise never sound together: there is no simultaneous SNR; choose another kind"
        )
    return float(10 * np.log10(wanted[both].sum() / unwanted[both].sum()))


def _frame_snrs_db(speech: np.ndarray, noise: np.ndarray, sample_rate: int) -> np.ndarray:
    """SNR of each frame in which the speech sounds; infinite where the noise is silent."""
    size = round(SEGMENT_SECONDS * sample_rate)
    wanted, sounds = _energies(speech, size)
    unwanted = _energies(noise, size)[0]
    with np.errstate(divide="ignore"):
        return 10 * np.log10(wanted[sounds]) - 10 * np.log10(unwanted[sounds])


def _held_mean(snrs_db: np.ndarray) -> float:
    return float(np.clip(snrs_db, LOWEST_DB, HIGHEST_DB).mean())


def _segmental_gain_db(snrs_db: np.ndarray, snr_db: float) -> float:
    """Root of a mean that falls with the gain, between gains at which every frame is at one bound."""
    finite = snrs_db[np.isfinite(snrs_db)]
    lowest = _held_mean(np.where(np.isfinite(snrs_db), LOWEST_DB, HIGHEST_DB))
    if not lowest < snr_db < HIGHEST_DB:
        raise ValueError(
            f"a segmental SNR of {snr_db:g} dB cannot be reached: here it lies between {lowest:g} and "
            f"{HIGHEST_DB:g} dB, as frames are held there; ask for less or choose another kind"
        )
    bounds = finite.min() - HIGHEST_DB - 1, finite.max() - LOWEST_DB + 1
    return float(brentq(lambda db: _held_mean(snrs_db - db) - snr_db, *bounds, xtol=1e-10))


def _loudness(x: np.ndarray, sample_rate: int) -> float:
    import pyloudnorm

    if len(x) < LOUDNESS_SECONDS * sample_rate:
        raise ValueError(f"loudness needs {LOUDNESS_SECONDS} s, found {len(x) / sample_rate:.3f} s; use kind rms")
    # Far above the gate, which is absolute: the loudness of a quiet stem counts like that of a loud one.
    peak = float(np.abs(x).max())
    loudness = float(pyloudnorm.Meter(sample_rate).integrated_loudness(x.astype(np.float64) / peak))
    if not np.isfinite(loudness):
        raise ValueError("no block of this signal passes the loudness gate; use kind rms")
    return loudness + 20 * float(np.log10(peak))
