"""One rendered item: its stems, what was measured on them, and what targets are computed from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from percepkit.dsp.percepnet import Settings, Targets, compute_targets
from percepkit.dsp.stft import analyse
from percepkit.dsp.validity import Damage, silence_floor

__all__ = ["Rendered"]


@dataclass(frozen=True, eq=False)
class Rendered:
    """One item.

    Attributes
    ----------
    noisy, clean, speech, noise : float32 array, shape (n_samples,)
        ``noisy = speech + noise``, unless the mixture was degraded after; ``clean`` is what a denoiser should
        output: the speech as it stands in the mix, or with a room what the target keeps of it, aligned with it.
    sample_rate : int
    measured : dict
        What was measured on these stems, see `percepkit.synth.corpus`.
    also : mapping of str to float32 array
        Further targets, each by the name of its stem.
    layers : list of dict
        Of each layer its name, class, SNR as planned and as realised.
    analysis : Settings
        Of the targets.
    input : float32 array, or None
        ``noisy`` as it is written where the recipe has an ``input_rate``; ``noisy`` itself is then that input
        brought back to ``sample_rate``: what a model that sees it can know.
    damage : Damage
        Of the recordings that the clean speech was cut from; looked for where the recipe has targets.
    """

    noisy: np.ndarray
    clean: np.ndarray
    speech: np.ndarray
    noise: np.ndarray
    sample_rate: int
    measured: dict[str, float] = field(default_factory=dict)
    also: Mapping[str, np.ndarray] = field(default_factory=dict)
    layers: list[dict[str, object]] = field(default_factory=list)
    analysis: Settings = field(default_factory=Settings)
    damage: Damage = field(default_factory=Damage)
    input: np.ndarray | None = None

    def stem(self, name: str) -> np.ndarray:
        """A stem by the name that `percepkit.synth.recipe.Recipe.stems` gives it, at the rate it is written at."""
        if name == "noisy" and self.input is not None:
            return self.input
        if name in self.also:
            return self.also[name]
        stem: np.ndarray = {"noisy": self.noisy, "clean": self.clean, "speech": self.speech, "noise": self.noise}[
            name
        ]
        return stem

    @cached_property
    def percepnet(self) -> Targets:
        """Gains and strengths, computed once for all targets that need them."""
        return compute_targets(
            self.clean, self.noisy, self.sample_rate, settings=self.analysis, damage=self.damage
        )

    @cached_property
    def spectra(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Spectra of clean, of what else is in the noisy signal, and of noisy; complex64, shape (frames, bins)."""
        hop = self.analysis.hop(self.sample_rate)
        clean, noisy = analyse(self.clean, hop), analyse(self.noisy, hop)
        return clean, noisy - clean, noisy

    @cached_property
    def bins_valid(self) -> np.ndarray:
        """Where a bin is neither damaged nor silent in the noisy signal; bool array, shape (frames, bins)."""
        hop = self.analysis.hop(self.sample_rate)
        centre_hz = np.arange(hop + 1) * (self.sample_rate / (2 * hop))
        sound = np.abs(self.spectra[2]) ** 2 > silence_floor(1, hop)
        return sound & (self.damage.flags(len(self.clean), hop, centre_hz) == 0)
