"""Signal-to-noise ratios of speech against noise, by several definitions of level.

``rms``: mean powers over the whole item. ``active``: ITU-T P.56 active level of the speech against the mean
power of the noise. ``simultaneous``: mean powers over the frames in which both sound. ``segmental``: mean over
the frames with speech of the frame's SNR in dB, held between -10 and 35 dB (Loizou). ``lufs``: difference of
integrated loudness (ITU-R BS.1770).

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

FRAME_SECONDS = 0.02
ACTIVE_RANGE_DB = 40.0  # frames so far below a signal's loudest do not sound
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
        In dB.

    Raises
    ------
    ValueError
        If a signal is silent, if they never sound together ("simultaneous"), or if they are shorter than 0.4 s or
        below the gate of -70 LUFS ("lufs").

    Examples
    --------
    >>> round(realised_snr_db(np.full(8000, 0.1), np.full(8000, 0.01), 16_000, kind="rms"), 9)
    20.0
    """
    if kind not in get_args(SnrKind):
        raise ValueError(f"no SNR is called {kind!r}; choose from {', '.join(get_args(SnrKind))}")
    for name, x in (("speech", speech), ("noise", noise)):
        if not x.any():
            raise ValueError(f"the {name} is silent: there is no SNR")
    if kind == "rms":
        return rms_dbfs(speech) - rms_dbfs(noise)
    if kind == "active":
        return active_level_dbfs(speech, sample_rate)[0] - rms_dbfs(noise)
    if kind == "lufs":
        return _loudness(speech, sample_rate) - _loudness(noise, sample_rate)
    wanted, unwanted = _frame_powers(speech, sample_rate), _frame_powers(noise, sample_rate)
    if kind == "segmental":
        return _segmental(wanted, unwanted, 0.0)
    both = _active(wanted) & _active(unwanted)
    if not both.any():
        raise ValueError(
            "speech and noise never sound together: there is no simultaneous SNR; choose another kind"
        )
    return float(10 * np.log10(wanted[both].sum() / unwanted[both].sum()))


def noise_gain(speech: np.ndarray, noise: np.ndarray, snr_db: float, sample_rate: int, *, kind: SnrKind) -> float:
    """Gain of the noise that gives a mix its SNR, positive; see `realised_snr_db` for parameters and errors.

    A segmental SNR cannot leave -10 to 35 dB; asked for more there is a ValueError.

    Examples
    --------
    >>> round(noise_gain(np.full(8000, 0.1), np.full(8000, 0.1), 20.0, 16_000, kind="rms"), 9)
    0.1
    """
    now_db = realised_snr_db(speech, noise, sample_rate, kind=kind)
    if kind != "segmental":
        return float(10 ** ((now_db - snr_db) / 20))
    wanted, unwanted = _frame_powers(speech, sample_rate), _frame_powers(noise, sample_rate)
    reach = [_segmental(wanted, unwanted, db) - snr_db for db in (-200.0, 200.0)]
    if not reach[0] > 0 > reach[1]:
        raise ValueError(
            f"a segmental SNR of {snr_db:g} dB cannot be reached here (frames count as {LOWEST_DB:g} to "
            f"{HIGHEST_DB:g} dB); ask for less or choose another kind"
        )
    gain_db = brentq(lambda db: _segmental(wanted, unwanted, db) - snr_db, -200.0, 200.0, xtol=1e-10)
    return float(10 ** (gain_db / 20))


def trajectory_gain(
    times_seconds: np.ndarray, values_db: np.ndarray, n_samples: int, sample_rate: int
) -> np.ndarray:
    """Gain that follows levels given at some times, linear in dB between them and constant outside.

    Parameters
    ----------
    times_seconds, values_db : float array, shape (knots,)
        Times in order.
    n_samples, sample_rate : int

    Returns
    -------
    float32 array, shape (n_samples,)

    Examples
    --------
    >>> trajectory_gain(np.array([0.0, 1.0]), np.array([0.0, 40.0]), 5, 2).tolist()
    [1.0, 10.0, 100.0, 100.0, 100.0]
    """
    course = np.interp(np.arange(n_samples) / sample_rate, times_seconds, values_db)
    return (10 ** (course / 20)).astype(np.float32)


def _frame_powers(x: np.ndarray, sample_rate: int) -> np.ndarray:
    """Energy of whole frames of 20 ms; of all samples where there is no whole frame."""
    size = min(round(FRAME_SECONDS * sample_rate), len(x))
    frames = x[: len(x) // size * size].astype(np.float64).reshape(-1, size)
    energy: np.ndarray = np.einsum("ij,ij->i", frames, frames)
    return energy


def _active(energy: np.ndarray) -> np.ndarray:
    return (energy > 0) & (energy >= energy.max() * 10 ** (-ACTIVE_RANGE_DB / 10))


def _segmental(wanted: np.ndarray, unwanted: np.ndarray, gain_db: float) -> float:
    active = _active(wanted)
    with np.errstate(divide="ignore"):
        snr_db = 10 * np.log10(wanted[active]) - 10 * np.log10(unwanted[active]) - gain_db
    return float(np.clip(snr_db, LOWEST_DB, HIGHEST_DB).mean())


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
