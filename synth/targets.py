"""Tables that a corpus stores per frame beside its audio: one function from the rendered item each.

A row of a table is a frame of `percepkit.dsp.stft.analyse` with the hop of ``recipe.analysis``; a column is a
band, a bin, or there is one. Noise means all that is in the noisy signal and not in the clean. The ideal waveform
is the stem ``clean``.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from percepkit.dsp.masks import (
    MASKS,
    complex_ratio_mask,
    compress_mask,
    log_magnitude,
    noise_mask,
    optimal_ratio_mask,
    vad_frames,
)
from percepkit.synth.recipe import Recipe
from percepkit.synth.rendered import Rendered

__all__ = ["FLOOR_DB", "TARGETS", "Target", "frame_bytes"]

#: From a rendered item to values (float32, complex64 or uint8) and validity, both of shape (frames, width).
Target = Callable[[Rendered], tuple[np.ndarray, np.ndarray]]

FLOOR_DB = -60.0  # of log magnitudes: of the order of a bin of 16-bit silence


def erb_gains(item: Rendered) -> tuple[np.ndarray, np.ndarray]:
    """Ideal ERB gains in [0, 1]."""
    return item.percepnet.gains, item.percepnet.gains_valid


def comb_strengths(item: Rendered) -> tuple[np.ndarray, np.ndarray]:
    """Comb-filter strengths in [0, 1]."""
    return item.percepnet.strengths, item.percepnet.strengths_valid


def comb_attenuation(item: Rendered) -> tuple[np.ndarray, np.ndarray]:
    """Extra attenuation in (0, 1] where the strength is saturated; a network learns its product with the gain."""
    return item.percepnet.attenuation, item.percepnet.strengths_valid


def pitch_period(item: Rendered) -> tuple[np.ndarray, np.ndarray]:
    """Pitch period of the clean speech in samples, shape (frames, 1); valid where voiced."""
    period = item.percepnet.period[:, None].astype(np.float32)
    return period, period > 0


def band_flags(item: Rendered) -> tuple[np.ndarray, np.ndarray]:
    """Why a band of a frame is not valid, sums of `percepkit.dsp.validity.Invalid`; always valid itself."""
    flags = item.percepnet.flags
    if flags is None:
        raise ValueError("these targets carry no flags")
    return flags, np.ones(flags.shape, bool)


def noise_ratio_mask(item: Rendered) -> tuple[np.ndarray, np.ndarray]:
    """Ratio mask of the noise in [0, 1]: what a noise-mask network takes away."""
    clean, noise, _ = item.spectra
    return noise_mask(clean, noise), item.bins_valid


def orm(item: Rendered) -> tuple[np.ndarray, np.ndarray]:
    """Optimal ratio mask, compressed to (-10, 10); `percepkit.dsp.masks.expand_mask` gives it back."""
    clean, noise, _ = item.spectra
    return compress_mask(optimal_ratio_mask(clean, noise, low=-np.inf, high=np.inf)), item.bins_valid


def cirm(item: Rendered) -> tuple[np.ndarray, np.ndarray]:
    """Complex ideal ratio mask, parts compressed to (-10, 10); `percepkit.dsp.masks.expand_mask` gives it back."""
    clean, _, noisy = item.spectra
    return compress_mask(complex_ratio_mask(clean, noisy)), item.bins_valid


def magnitude(item: Rendered) -> tuple[np.ndarray, np.ndarray]:
    """Magnitude of the clean spectrum."""
    return np.abs(item.spectra[0]), item.bins_valid


def clean_log_magnitude(item: Rendered) -> tuple[np.ndarray, np.ndarray]:
    """Magnitude of the clean spectrum in dB, at least -60."""
    return log_magnitude(item.spectra[0], floor_db=FLOOR_DB), item.bins_valid


def complex_spectrum(item: Rendered) -> tuple[np.ndarray, np.ndarray]:
    """The clean spectrum itself."""
    return item.spectra[0], item.bins_valid


def vad(item: Rendered) -> tuple[np.ndarray, np.ndarray]:
    """Voice activity of the clean speech, 0 or 1, shape (frames, 1)."""
    active = vad_frames(item.spectra[0])
    return active, np.ones(active.shape, bool)


def _mask(name: str) -> Target:
    def target(item: Rendered) -> tuple[np.ndarray, np.ndarray]:
        return MASKS[name](*item.spectra), item.bins_valid

    target.__doc__ = f"The mask {name} of `percepkit.dsp.masks`."
    return target


_PER_BAND: dict[str, Target] = {f.__name__: f for f in (erb_gains, comb_strengths, comb_attenuation, band_flags)}
_PER_FRAME: dict[str, Target] = {"pitch_period": pitch_period, "vad": vad}
_PER_BIN: dict[str, Target] = {
    **{name: _mask(name) for name in ("ibm", "irm", "smm", "psm")},
    "orm": orm,
    "cirm": cirm,
    "noise_mask": noise_ratio_mask,
    "magnitude": magnitude,
    "log_magnitude": clean_log_magnitude,
    "complex_spectrum": complex_spectrum,
}
TARGETS: Mapping[str, Target] = MappingProxyType(_PER_BAND | _PER_FRAME | _PER_BIN)


def frame_bytes(name: str, recipe: Recipe) -> int:
    """Bytes that a target takes on disk for each frame, its validity included."""
    hop = recipe.analysis.hop(recipe.sample_rate)
    each = {"band_flags": 1, "cirm": 8, "complex_spectrum": 8}.get(name, 4) + 1
    if name in _PER_FRAME:
        return each
    return each * (len(recipe.analysis.layout(recipe.sample_rate)) if name in _PER_BAND else hop + 1)
