"""Probes of a denoiser's honesty: inputs whose right answer is known without any metric of quality."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from percepkit.eval.score import enhance_item

__all__ = ["PROBES", "Probe", "probe_denoiser"]

_PADDING_SECONDS = 1.0
_QUIETER = 0.1
_LIMIT_DB = 100.0  # more than this is equality
_TINY = 1e-20


@dataclass(frozen=True)
class Probe:
    """What a probe is, and which values are odd.

    Attributes
    ----------
    label, meaning : str
    low, high : float
        In dB; values outside call for an explanation.
    """

    label: str
    meaning: str
    low: float
    high: float


PROBES: Mapping[str, Probe] = {
    "clean_in": Probe(
        "clean in",
        "SNR of the output when the input is clean speech, best gain allowed: what it does to speech that needs "
        "no help. Below 10 dB it harms.",
        10.0,
        np.inf,
    ),
    "noise_only": Probe(
        "noise only",
        "level of the output against the input when there is no speech. Near 0 dB nothing is suppressed; below "
        "-60 dB it mutes, which some metrics reward.",
        -60.0,
        -1.0,
    ),
    "gain": Probe(
        "input 20 dB softer",
        "SNR of the scaled-back output against the usual one. Low: what it does hangs on the level, and so do its "
        "scores.",
        20.0,
        np.inf,
    ),
    "padding": Probe(
        "1 s of silence before",
        "SNR of the output against the usual one. Low: scores hang on how the items were cut.",
        20.0,
        np.inf,
    ),
}


def probe_denoiser(denoiser: Any, stems: Mapping[str, np.ndarray], sample_rate: int) -> dict[str, float]:
    """Try a denoiser on one item.

    Parameters
    ----------
    denoiser : Denoiser
        Not an oracle.
    stems : mapping of float array, shape (n_samples,)
        ``"noisy"``, ``"clean"`` and ``"noise"``.
    sample_rate : int
        Hz.

    Returns
    -------
    dict of float
        By the names of `PROBES`, in dB, within ±100; NaN where the stem or the output is silent.

    Examples
    --------
    >>> from percepkit.baselines.registry import FunctionDenoiser
    >>> half = FunctionDenoiser(lambda noisy, sample_rate: 0.5 * noisy, "half")
    >>> t = np.arange(16_000) / 16_000
    >>> stems = {"noisy": np.sin(900 * t), "clean": np.sin(900 * t), "noise": np.cos(5_000 * t)}
    >>> {name: round(value) for name, value in probe_denoiser(half, stems, 16_000).items()}
    {'clean_in': 100, 'noise_only': -6, 'gain': 100, 'padding': 100}
    """

    def run(x: np.ndarray) -> np.ndarray:
        return enhance_item(denoiser, {"noisy": x}, sample_rate).astype(np.float64)

    noisy, clean, noise = (stems[name] for name in ("noisy", "clean", "noise"))
    usual = run(noisy)
    n_padded = round(_PADDING_SECONDS * sample_rate)
    padded = run(np.concatenate([np.zeros(n_padded, noisy.dtype), noisy]))[n_padded:]
    softer = run((_QUIETER * noisy).astype(noisy.dtype)) / _QUIETER
    out, heard = run(clean), clean.astype(np.float64)
    power = np.dot(out, out)
    return {
        "clean_in": _snr_db(heard, out * (np.dot(out, heard) / power)) if power > 0 else np.nan,
        "noise_only": _level_db(run(noise), noise),
        "gain": _snr_db(usual, softer),
        "padding": _snr_db(usual, padded),
    }


def _snr_db(reference: np.ndarray, estimate: np.ndarray) -> float:
    return _ratio_db(np.sum(reference**2), np.sum((estimate - reference) ** 2))


def _level_db(out: np.ndarray, noise: np.ndarray) -> float:
    """Of the output against the input; NaN for an item without noise."""
    return _ratio_db(np.sum(out**2), np.sum(noise.astype(np.float64) ** 2)) if noise.any() else np.nan


def _ratio_db(signal: float, error: float) -> float:
    if not signal > 0:
        return -_LIMIT_DB if error > 0 else np.nan
    return float(np.clip(10 * np.log10((signal + _TINY) / (error + _TINY)), -_LIMIT_DB, _LIMIT_DB))
