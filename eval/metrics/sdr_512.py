"""Signal-to-distortion ratio of BSS Eval: what a filter of 512 taps makes of the reference is no distortion.

References
----------
.. [1] E. Vincent, R. Gribonval, C. Fevotte, "Performance measurement in blind audio source separation", IEEE TASLP
   14(4), 2006; version 3 of its toolbox, one source.
.. [2] R. Scheibler, "SDR - medium rare with fast computations", ICASSP 2022.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.linalg import cho_factor, cho_solve, toeplitz

from percepkit.eval.metrics._interface import MetricSpec, Unscorable, checked_estimate, checked_reference

__all__ = ["SPEC", "Clean", "prepare", "score"]

_N_TAPS = 512
_LOADING = 1e-10  # of the energy: the autocorrelation of band-limited speech has no inverse
_RESOLUTION = 1e-14  # -140 dB, more than the loading lets the filter resolve

SPEC = MetricSpec(
    names=("sdr_512",),
    version="1",
    summary="Energy of the estimate's part that a filter of 512 taps makes of the reference, over the rest: the "
    "SDR of BSS Eval (mir_eval, version 3).",
    source="Vincent et al., IEEE TASLP 2006",
    unit={"sdr_512": "dB"},
    range={"sdr_512": (-math.inf, math.inf)},
    invariances=frozenset({"gain", "polarity"}),
)


@dataclass(frozen=True, eq=False)
class Clean:
    """The reference's spectrum, and the factors of its autocorrelation matrix."""

    spectrum: np.ndarray
    factors: Any
    n_fft: int
    n_samples: int


def prepare(reference: np.ndarray, sample_rate: int) -> Clean:
    """Factor the autocorrelation matrix of the reference; the sample rate plays no role.

    Raises
    ------
    Unscorable
        ``too_short`` below 1024 samples: a filter of 512 taps would make anything of the reference.
    """
    reference = checked_reference(reference)
    if len(reference) < 2 * _N_TAPS:
        raise Unscorable("too_short", f"{len(reference)} samples, {2 * _N_TAPS} are needed for {_N_TAPS} taps")
    reference = reference / np.abs(reference).max()
    n_fft = next_fast_len(len(reference) + 2 * _N_TAPS, real=True)
    spectrum = rfft(reference, n_fft)
    autocorrelation = irfft(spectrum.real**2 + spectrum.imag**2, n_fft)[:_N_TAPS]
    autocorrelation[0] *= 1 + _LOADING
    return Clean(spectrum, cho_factor(toeplitz(autocorrelation)), n_fft, len(reference))


def score(state: Clean, estimate: np.ndarray) -> dict[str, float]:
    """Compute the ratio.

    Raises
    ------
    Unscorable
        ``infinite`` if the rest is below -140 dB, or the filtered reference is.

    Examples
    --------
    >>> clean, noise = np.random.default_rng(0).standard_normal((2, 100_000))
    >>> filtered = np.convolve(clean, [0.5, 0.0, -0.5])[:100_000]
    >>> round(score(prepare(clean, 16_000), filtered + 0.1 * noise)["sdr_512"], 1)
    17.0
    """
    estimate = checked_estimate(estimate, state.n_samples)
    estimate = estimate / np.abs(estimate).max()
    cross = irfft(np.conj(state.spectrum) * rfft(estimate, state.n_fft), state.n_fft)[:_N_TAPS]
    taps = cho_solve(state.factors, cross)
    target = irfft(state.spectrum * rfft(taps, state.n_fft), state.n_fft)
    rest = -target
    rest[: len(estimate)] += estimate
    target_energy, rest_energy = float(np.sum(target * target)), float(np.sum(rest * rest))
    if rest_energy <= _RESOLUTION * target_energy:
        raise Unscorable("infinite", "+inf dB: the estimate is the filtered reference")
    if target_energy <= _RESOLUTION * rest_energy:
        raise Unscorable("infinite", "-inf dB: the estimate holds nothing of the reference")
    return {"sdr_512": 10 * math.log10(target_energy / rest_energy)}
