"""Objectives with a number or two for each bin of the spectrum, and the waveform.

References
----------
Masks: see `percepkit.dsp.masks`. Compressed spectra and masks judged by the spectrum they make: X. Rong et al.,
"GTCRN", ICASSP 2024, and the references there. Magnitudes are raised to 0.3 before they are compared.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from percepkit.baselines.dnn.frames import Activation, Frames, Head, namespace
from percepkit.dsp.masks import MASKS, complex_ratio_mask, compress_mask, noise_mask
from percepkit.dsp.stft import analyse, frame_signal, hop_length

__all__ = [
    "COMPRESSION",
    "ComplexMapping",
    "ComplexMask",
    "ComplexMaskThroughSignal",
    "MagnitudeMapping",
    "Mask",
    "MaskThroughSignal",
    "NoiseMask",
    "Waveform",
]

COMPRESSION = 0.3  # power of magnitudes, as that of the features
TINY = 1e-8  # of magnitudes: keeps slopes finite at 0
MAGNITUDE = (70 / 30) ** 0.5  # weight of errors of magnitudes over those of real and imaginary parts (GTCRN)
MASK_LIMIT, MASK_STEEPNESS, MASK_CLAMP = 10.0, 0.1, 0.99  # of `percepkit.dsp.masks.expand_mask`


class _Bins:
    """What the objectives have in common: targets from spectra, one head."""

    domain: Literal["spectrum"] = "spectrum"
    needs_comb = False
    needs_noisy = False
    activation: ClassVar[Activation] = "sigmoid"
    scale: ClassVar[float] = 1.0
    parts: ClassVar[int] = 1
    stored: tuple[str, ...] = ()

    def __init__(self, sample_rate: int) -> None:
        self.hop = hop_length(sample_rate)

    @property
    def heads(self) -> tuple[Head, ...]:
        """One, with as many columns as there are bins, or twice as many."""
        name = type(self).__name__.lower()
        return (Head(name, self.parts * (self.hop + 1), self.activation, self.scale),)

    def targets(self, clean: np.ndarray, noisy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Targets from the stems; valid in frames that are not digital silence."""
        wanted, spectrum = analyse(clean.astype(np.float64), self.hop), analyse(noisy.astype(np.float64), self.hop)
        values = self._values(wanted, spectrum)
        valid = np.tile(np.any(spectrum, axis=1, keepdims=True), (1, values.shape[1]))
        return values.astype(np.float32), valid

    def stored_targets(self, item: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Targets from the tables of a corpus."""
        [name] = self.stored
        values, valid = self._from_table(item[name]), np.asarray(item[f"{name}_valid"], bool)
        return values.astype(np.float32), np.tile(valid, (1, values.shape[1] // valid.shape[1]))

    def _values(self, clean: np.ndarray, noisy: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _from_table(self, table: np.ndarray) -> np.ndarray:
        return table

    def predict(self, outputs: Any, frames: Frames) -> Any:
        """The outputs as they are."""
        return outputs


class Mask(_Bins):
    """A real mask of `percepkit.dsp.masks.MASKS`: "ibm", "irm", "psm" in [0, 1], or "smm" in [0, 10]."""

    def __init__(self, name: str, sample_rate: int) -> None:
        super().__init__(sample_rate)
        self._name, self.stored = name, (name,)

    @property
    def heads(self) -> tuple[Head, ...]:
        """The mask; the SMM is not bounded by 1."""
        return (Head("mask", self.hop + 1, "softplus" if self._name == "smm" else "sigmoid"),)

    def _values(self, clean: np.ndarray, noisy: np.ndarray) -> np.ndarray:
        return MASKS[self._name](clean, noisy - clean, noisy)

    def gains(self, outputs: np.ndarray) -> np.ndarray:
        """The outputs as they are."""
        return outputs

    def enhance(self, outputs: Any, frames: Frames) -> Any:
        """Mask times noisy spectrum."""
        return outputs * frames.noisy


class NoiseMask(_Bins):
    """Ratio mask of the noise in [0, 1]: what is taken away."""

    stored = ("noise_mask",)

    def _values(self, clean: np.ndarray, noisy: np.ndarray) -> np.ndarray:
        return noise_mask(clean, noisy - clean)

    def gains(self, outputs: np.ndarray) -> np.ndarray:
        """What is left."""
        return 1 - outputs

    def enhance(self, outputs: Any, frames: Frames) -> Any:
        """Noisy spectrum less its masked part."""
        return (1 - outputs) * frames.noisy


class ComplexMask(_Bins):
    """Complex ideal ratio mask, compressed to (-10, 10): real parts of all bins, then imaginary ones."""

    activation = "tanh"
    scale = MASK_LIMIT
    parts = 2
    stored = ("cirm",)

    def _values(self, clean: np.ndarray, noisy: np.ndarray) -> np.ndarray:
        return self._from_table(compress_mask(complex_ratio_mask(clean, noisy)))

    def _from_table(self, table: np.ndarray) -> np.ndarray:
        return np.hstack([table.real, table.imag])

    def enhance(self, outputs: Any, frames: Frames) -> Any:
        """Expanded mask times noisy spectrum."""
        bounded = (outputs / MASK_LIMIT).clip(-MASK_CLAMP, MASK_CLAMP)
        return _complex(2 / MASK_STEEPNESS * namespace(outputs).arctanh(bounded)) * frames.noisy


class MagnitudeMapping(_Bins):
    """Compressed clean magnitude |S|^0.3, put on the noisy phase."""

    activation: ClassVar[Activation] = "softplus"
    stored = ("magnitude",)

    def _values(self, clean: np.ndarray, noisy: np.ndarray) -> np.ndarray:
        return self._from_table(np.abs(clean))

    def _from_table(self, table: np.ndarray) -> np.ndarray:
        return (table + TINY) ** COMPRESSION

    def enhance(self, outputs: Any, frames: Frames) -> Any:
        """Predicted magnitude with the noisy phase."""
        return outputs ** (1 / COMPRESSION) * (frames.noisy / (abs(frames.noisy) + TINY))


class ComplexMapping(_Bins):
    """Compressed clean spectrum S |S|^-0.7: real parts of all bins, then imaginary ones."""

    activation: ClassVar[Activation] = "linear"
    parts = 2
    stored = ("complex_spectrum",)

    def _values(self, clean: np.ndarray, noisy: np.ndarray) -> np.ndarray:
        return _compressed(clean)

    def _from_table(self, table: np.ndarray) -> np.ndarray:
        return _compressed(table)

    def enhance(self, outputs: Any, frames: Frames) -> Any:
        """Predicted spectrum, silent where the noisy one is."""
        spectrum = _complex(outputs)
        return spectrum * (abs(spectrum) + TINY) ** (1 / COMPRESSION - 1) * (abs(frames.noisy) > 0)


class MaskThroughSignal(MagnitudeMapping):
    """A mask in [0, 1], judged by the compressed magnitude that it leaves: fusion of masking and mapping."""

    needs_noisy = True
    activation = "sigmoid"

    def predict(self, outputs: Any, frames: Frames) -> Any:
        """Compressed magnitude of the enhanced spectrum."""
        return (outputs * abs(frames.noisy) + TINY) ** COMPRESSION

    def gains(self, outputs: np.ndarray) -> np.ndarray:
        """The outputs as they are."""
        return outputs

    def enhance(self, outputs: Any, frames: Frames) -> Any:
        """Mask times noisy spectrum."""
        return outputs * frames.noisy


class ComplexMaskThroughSignal(ComplexMapping):
    """A complex mask with parts in (-2, 2), judged by the compressed spectrum that it makes, and its magnitude.

    Judged by real and imaginary parts alone, a network that cannot tell the phase learns to leave too little.
    """

    needs_noisy = True
    activation = "tanh"
    scale = 2.0

    def _values(self, clean: np.ndarray, noisy: np.ndarray) -> np.ndarray:
        return _with_magnitude(_compressed(clean))

    def _from_table(self, table: np.ndarray) -> np.ndarray:
        return _with_magnitude(_compressed(table))

    def predict(self, outputs: Any, frames: Frames) -> Any:
        """Compressed enhanced spectrum and its magnitude."""
        return _with_magnitude(_compressed(self.enhance(outputs, frames)))

    def enhance(self, outputs: Any, frames: Frames) -> Any:
        """Mask times noisy spectrum."""
        return _complex(outputs) * frames.noisy


class Waveform:
    """The clean signal itself, a hop a row."""

    domain: Literal["waveform"] = "waveform"
    needs_comb = False
    needs_noisy = False
    stored: tuple[str, ...] = ()

    def __init__(self, sample_rate: int) -> None:
        self.hop = hop_length(sample_rate)

    @property
    def heads(self) -> tuple[Head, ...]:
        """Samples of a hop, full scale 1."""
        return (Head("samples", self.hop, "linear"),)

    def targets(self, clean: np.ndarray, noisy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Hop l of the clean signal in row l; the last row of a signal lies partly behind it, and is not valid."""
        rows = frame_signal(clean.astype(np.float32), self.hop)[:, self.hop :]
        valid = np.arange(rows.size).reshape(rows.shape) < len(clean)
        return rows.copy(), valid

    def stored_targets(self, item: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """From the stem "clean", which every corpus holds."""
        return self.targets(item["clean"], item["noisy"])

    def predict(self, outputs: Any, frames: Frames) -> Any:
        """The outputs as they are."""
        return outputs

    def enhance(self, outputs: Any, frames: Frames) -> Any:
        """The outputs as they are."""
        return outputs


def _complex(parts: Any) -> Any:
    """Complex numbers from columns of real parts and then imaginary ones."""
    half = parts.shape[-1] // 2
    return parts[..., :half] + 1j * parts[..., half:]


def _compressed(spectrum: Any) -> Any:
    """Real and imaginary columns of Z |Z|^-0.7, of either library, with a finite slope at 0."""
    size = (spectrum.real**2 + spectrum.imag**2 + TINY**2) ** 0.5
    scaled = spectrum * size ** (COMPRESSION - 1)
    library = namespace(spectrum)
    return library.concatenate([scaled.real, scaled.imag], -1)


def _with_magnitude(columns: Any) -> Any:
    """Columns of real and imaginary parts, and the weighted magnitude after them."""
    half = columns.shape[-1] // 2
    size = (columns[..., :half] ** 2 + columns[..., half:] ** 2 + TINY) ** 0.5
    return namespace(columns).concatenate([columns, MAGNITUDE * size], -1)
