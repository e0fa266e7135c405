"""Oracles of the literature's ideal masks and maps, bin by bin.

Noise is all that is in the noisy signal and not in the clean.
"""

from collections.abc import Callable, Mapping

import numpy as np

from percepkit.baselines._clean_oracle import CleanOracle, Method
from percepkit.baselines.denoiser import Spec
from percepkit.dsp.masks import MASKS, complex_ratio_mask, noise_excess_db, vad_frames
from percepkit.dsp.stft import analyse, hop_length, synthesise

__all__ = ["DENOISERS"]

WANG = "Wang, Narayanan & Wang, On training targets for supervised speech separation, 2014"
ABOUT = {
    "ibm": ("Ideal binary mask: bins in which speech exceeds noise.", WANG),
    "irm": ("Ideal ratio mask, the root of speech's share of the power.", WANG),
    "wiener": ("Speech's share of the power of each bin.", WANG),
    "smm": ("Spectral magnitude mask, at most 10.", WANG),
    "psm": ("Phase-sensitive mask between 0 and 1.", "Erdogan et al., ICASSP 2015"),
    "orm": ("Optimal ratio mask, the best real one, within 52.9.", "Liang et al., JASA 2013"),
    "cirm": ("Complex ideal ratio mask, compressed and expanded.", "Williamson et al., TASLP 2016"),
    "noise-mask": ("One minus the ratio mask of the noise.", WANG),
}
#: What is no mask between clean and noisy: name -> (summary, paper, factors from clean and noisy).
MAPS: Mapping[str, tuple[str, str, Callable[[np.ndarray, np.ndarray], np.ndarray]]] = {
    "noise-excess": (
        "Noisy level in dB less the excess that noise makes, as a U-Net predicts it.",
        "Belz, Speech-enhancement, 2019",
        lambda clean, noisy: 10 ** (-noise_excess_db(clean, noisy, floor_db=FLOOR_DB) / 20),
    ),
    "complex": (
        "Complex ratio mask without compression: what is lost is rounding.",
        "Williamson et al., TASLP 2016",
        complex_ratio_mask,
    ),
    "vad": (
        "Frames with speech pass, the others are silent.",
        WANG,
        lambda clean, noisy: vad_frames(clean),
    ),
}
FLOOR_DB = -100.0  # of a bin, in dB re 1: 16-bit rounding noise lies near -70


def _masked(name: str) -> Method:
    def method(clean: np.ndarray, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        hop = hop_length(sample_rate)
        target, spectrum = analyse(clean, hop), analyse(noisy, hop)
        return synthesise(MASKS[name](target, spectrum - target, spectrum) * spectrum, len(noisy))

    return method


def _mapped(name: str) -> Method:
    def method(clean: np.ndarray, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        hop = hop_length(sample_rate)
        target, spectrum = analyse(clean, hop), analyse(noisy, hop)
        return synthesise(MAPS[name][2](target, spectrum) * spectrum, len(noisy))

    return method


DENOISERS = (
    *(
        CleanOracle(Spec(name=f"oracle-{name}", summary=summary, paper=paper, needs="stems"), _masked(name))
        for name, (summary, paper) in ABOUT.items()
    ),
    *(
        CleanOracle(Spec(name=f"oracle-{name}", summary=summary, paper=paper, needs="stems"), _mapped(name))
        for name, (summary, paper, _) in MAPS.items()
    ),
)
