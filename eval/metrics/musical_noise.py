"""Musical noise: how much peakier the spectrum of the noise is after the denoiser's gains than before.

Isolated peaks of the spectrogram sound as short tones. They raise the kurtosis of the power; that of Gaussian
noise is 6, with moments around zero.

References
----------
Y. Uemura, Y. Takahashi, H. Saruwatari, K. Shikano, K. Kondo, "Automatic optimization scheme of spectral
subtraction based on musical noise assessment via higher-order statistics", IWAENC 2008: the kurtosis ratio. Levels
of bins and frames are evened out here; with the stationary noise of that article they are even.
"""

import numpy as np

from percepkit.dsp.stft import analyse, hop_length
from percepkit.eval.metrics._interface import MetricSpec, Unscorable
from percepkit.eval.metrics._shadow import ACTIVE_RANGE_DB, Shadow, known_shadow, prepare

__all__ = ["SPEC", "prepare", "score"]

FEWEST_FRAMES = 25

SPEC = MetricSpec(
    names=("musical_noise",),
    version="1",
    summary="Log kurtosis ratio: natural logarithm of the kurtosis of the noise's power after the denoiser's "
    "gains over that before, in the pauses of the speech; 0 is no musical noise; shadow filtering.",
    source="Uemura et al., IWAENC 2008",
    unit={"musical_noise": "1"},
    range={"musical_noise": (-np.inf, np.inf)},
    better="lower",
    needs="gains",
)


def score(state: int, estimate: np.ndarray, *, shadow: Shadow | None = None) -> dict[str, float]:
    """Compare the kurtosis of the noise's power before and after.

    Raises
    ------
    Unscorable
        ``no_gains``; ``too_short`` for fewer than 25 frames of 10 ms without speech; ``silent_noise`` if the noise
        is silent there, before or after.
    """
    shadow = known_shadow(state, estimate, shadow)
    hop = hop_length(shadow.sample_rate)
    speech = np.sum(_power(analyse(shadow.speech, hop)), axis=1)
    pause = speech < speech.max() * 10 ** (-ACTIVE_RANGE_DB / 10)
    if np.count_nonzero(pause) < FEWEST_FRAMES:
        raise Unscorable(
            "too_short", f"{np.count_nonzero(pause)} frames without speech, {FEWEST_FRAMES} are needed"
        )
    spectrum = analyse(shadow.noise, hop)[pause]
    before, after = _kurtosis(_power(spectrum)), _kurtosis(_power(shadow.gains[pause] * spectrum))
    if np.isnan(before) or np.isnan(after):
        raise Unscorable(
            "silent_noise", "the noise is silent in the pauses of the speech, before or after the gains"
        )
    return {"musical_noise": float(np.log(after / before))}


def _power(spectrum: np.ndarray) -> np.ndarray:
    return np.square(spectrum.real) + np.square(spectrum.imag)


def _kurtosis(power: np.ndarray) -> float:
    """Fourth moment over the square of the second, around zero, of all frames and bins; NaN for silence.

    First every bin and then every frame is brought to a mean of 1: neither the colour of the noise counts, nor
    that a denoiser opens and closes slowly. Only peaks within a frame do.
    """
    for axis in (0, 1):
        mean = power.mean(axis=axis, keepdims=True)
        power = np.divide(power, mean, out=np.zeros_like(power), where=mean > 0)
    heard = power[power.any(axis=1)]
    return float(np.mean(heard**4) / np.mean(heard**2) ** 2) if heard.size else np.nan
