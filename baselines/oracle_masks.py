"""Oracles of the literature's ideal masks, and of band gains that are coarser than ideal.

Noise is all that is in the noisy signal and not in the clean.
"""

from dataclasses import replace

import numpy as np

from percepkit.baselines._clean_oracle import CleanOracle, Method
from percepkit.baselines.denoiser import Spec
from percepkit.dsp.masks import MASKS
from percepkit.dsp.percepnet import compute_targets
from percepkit.dsp.reconstruct import apply_targets
from percepkit.dsp.stft import analyse, hop_length, synthesise

__all__ = ["DENOISERS"]

WANG = "Wang, Narayanan & Wang, On training targets for supervised speech separation, 2014"
PERCEPNET = "Valin et al., PercepNet, Interspeech 2020"
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
LEVELS = 15  # steps of 4 bits
CUTOFF_HZ = 8000.0


def _masked(name: str) -> Method:
    def method(clean: np.ndarray, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        hop = hop_length(sample_rate)
        target, spectrum = analyse(clean, hop), analyse(noisy, hop)
        return synthesise(MASKS[name](target, spectrum - target, spectrum) * spectrum, len(noisy))

    return method


def _four_bits(clean: np.ndarray, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
    targets = compute_targets(clean, noisy, sample_rate)
    coarse = replace(targets, gains=np.rint(targets.gains * LEVELS) / LEVELS)
    return apply_targets(noisy, coarse, sample_rate, comb=False)


def _narrow(clean: np.ndarray, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
    targets = compute_targets(clean, noisy, sample_rate)
    kept = targets.settings.layout(sample_rate).centre_hz < CUTOFF_HZ
    return apply_targets(noisy, replace(targets, gains=targets.gains * kept), sample_rate, comb=False)


DENOISERS = (
    *(
        CleanOracle(Spec(name=f"oracle-{name}", summary=summary, paper=paper, needs="stems"), _masked(name))
        for name, (summary, paper) in ABOUT.items()
    ),
    CleanOracle(
        Spec(
            name="oracle-gains-4bit", summary="Ideal ERB gains in 16 equal steps.", paper=PERCEPNET, needs="stems"
        ),
        _four_bits,
    ),
    CleanOracle(
        Spec(
            name="oracle-gains-8khz",
            summary="Ideal ERB gains below 8 kHz, nothing above.",
            paper=PERCEPNET,
            needs="stems",
        ),
        _narrow,
    ),
)
