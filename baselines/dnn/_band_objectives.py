"""ERB gains, alone or with comb-filter strengths: what PercepNet and RNNoise predict.

References
----------
J.-M. Valin et al., Interspeech 2020 (PercepNet), sections 3 and 4: the gain output learns g_att g, the strength
output r; after the comb filter the bands are rescaled to the energy that the gains ask for.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

import numba
import numpy as np

from percepkit.baselines.dnn.frames import Frames, Head, namespace
from percepkit.dsp.erb import Bands, layout
from percepkit.dsp.masks import vad_frames
from percepkit.dsp.percepnet import Targets, compute_targets
from percepkit.dsp.stft import analyse, hop_length

__all__ = ["BandGains", "band_weights"]

MAX_RESCALE = 10.0  # as in `percepkit.dsp.reconstruct`
TINY = 1e-20  # of energies: keeps slopes finite in silence


class BandGains:
    """Gains of the ERB bands below the Nyquist frequency.

    Parameters
    ----------
    sample_rate : int
        In Hz, at least 8000.
    comb : bool
        Predict comb-filter strengths too; the gains then include the extra attenuation where they saturate.
    vad : bool
        Predict voice activity too, which is not used but helps a network to learn (RNNoise).
    """

    domain: Literal["spectrum"] = "spectrum"
    needs_noisy = False

    def __init__(self, sample_rate: int, *, comb: bool, vad: bool = False) -> None:
        self._rate, self.needs_comb, self._vad = sample_rate, comb, vad
        self._bands = layout(sample_rate)
        self._n = int(self._bands.mask.sum())
        tables = ["erb_gains"] + ["comb_strengths", "comb_attenuation"] * comb + ["vad"] * vad
        self.stored: tuple[str, ...] = tuple(tables)

    @property
    def heads(self) -> tuple[Head, ...]:
        """Gains, then strengths or voice activity."""
        heads = [Head("gains", self._n, "sigmoid")]
        heads += [Head("strengths", self._n, "sigmoid")] * self.needs_comb
        heads += [Head("vad", 1, "sigmoid")] * self._vad
        return tuple(heads)

    def targets(self, clean: np.ndarray, noisy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Targets by `percepkit.dsp.percepnet.compute_targets`, pitch from the clean speech."""
        found = compute_targets(clean, noisy, self._rate)
        item = {
            "erb_gains": found.gains, "erb_gains_valid": found.gains_valid,
            "comb_strengths": found.strengths, "comb_strengths_valid": found.strengths_valid,
            "comb_attenuation": found.attenuation, "comb_attenuation_valid": found.strengths_valid,
        }  # fmt: skip
        if self._vad:
            item["vad"] = vad_frames(analyse(clean, hop_length(self._rate)))
            item["vad_valid"] = np.ones(item["vad"].shape, bool)
        return self.stored_targets(item)

    def stored_targets(self, item: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Targets from the tables of a corpus."""
        gains, valid = item["erb_gains"], [item["erb_gains_valid"][:, : self._n]]
        if self.needs_comb:
            gains = np.where(item["comb_attenuation_valid"], item["comb_attenuation"], 1) * gains
        values = [gains[:, : self._n]]
        for name in ["comb_strengths"] * self.needs_comb + ["vad"] * self._vad:
            values.append(item[name][:, : self._n])
            valid.append(item[f"{name}_valid"][:, : self._n])
        return np.hstack(values).astype(np.float32), np.hstack(valid).astype(bool)

    def predict(self, outputs: Any, frames: Frames) -> Any:
        """The outputs as they are."""
        return outputs

    def enhance(self, outputs: Any, frames: Frames) -> Any:
        """Noisy spectrum, comb-filtered by the strengths, each band with the energy that its gain asks for."""
        gains, strengths = outputs[..., : self._n], outputs[..., self._n : 2 * self._n]
        if isinstance(frames.noisy, np.ndarray) and frames.noisy.ndim == 2:
            return self._enhance_frames(gains, strengths, frames)
        weights = _weights(self._rate, outputs)
        spectrum = frames.noisy
        if self.needs_comb:
            spectrum = spectrum + (strengths @ weights.T) * (frames.combed - spectrum)
            wide = _weights(self._rate, spectrum.real)
            before, after = _energy(frames.noisy) @ wide, _energy(spectrum) @ wide
            gains = gains * ((before / (after + TINY) + TINY) ** 0.5).clip(0, MAX_RESCALE)
            weights = wide
        return spectrum * (gains @ weights.T)

    def _enhance_frames(self, gains: np.ndarray, strengths: np.ndarray, frames: Frames) -> np.ndarray:
        """The same as loops over the bins, which take a tenth of the time on the single frames of a stream."""
        first, weight = self._bands.first, self._bands.weight
        if not self.needs_comb:
            return frames.noisy * _spread(gains, first, weight)
        return _filter(frames.noisy, frames.combed, gains, strengths, first, weight)

    def gains(self, outputs: np.ndarray) -> np.ndarray:
        """Gain of each bin, float64 of shape (frames, bins); what the comb moves within a band is not in it."""
        return _spread(outputs[:, : self._n], self._bands.first, self._bands.weight)

    def as_targets(self, outputs: np.ndarray, frames: Frames) -> Targets:
        """Outputs with strengths as `percepkit.dsp.percepnet.Targets`, 0 in the bands above the Nyquist frequency.

        The attenuation is part of the gains, as a network learns it, and stands as 1.
        """
        tables = np.zeros((2, len(outputs), len(self._bands)))
        tables[0, :, : self._n] = outputs[:, : self._n]
        tables[1, :, : self._n] = outputs[:, self._n : 2 * self._n]
        return Targets(tables[0], tables[1], np.ones_like(tables[0]), frames.period)


@numba.njit(cache=True, nogil=True)
def _spread(values: np.ndarray, first: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Band values on bins, as `percepkit.dsp.erb.interpolate` does it."""
    out = np.empty((len(values), len(first)))
    for frame in range(len(out)):
        for k in range(len(first)):
            out[frame, k] = _at(values[frame], first[k], weight[k])
    return out


@numba.njit(cache=True, nogil=True)
def _at(values: np.ndarray, first: int, weight: float) -> float:
    lower, upper = np.float64(values[first]), np.float64(values[min(first + 1, len(values) - 1)])
    return lower + weight * (upper - lower)


@numba.njit(cache=True, nogil=True)
def _filter(
    noisy: np.ndarray,
    combed: np.ndarray,
    gains: np.ndarray,
    strengths: np.ndarray,
    first: np.ndarray,
    weight: np.ndarray,
) -> np.ndarray:
    """Comb by the strengths, bring each band back to its energy, and apply the gains."""
    out = np.empty_like(noisy)
    n = gains.shape[1]
    factor = np.empty(n)
    for frame in range(len(out)):
        before, after = np.zeros(n + 1), np.zeros(n + 1)
        for k in range(len(first)):
            here, band, share = noisy[frame, k], first[k], np.float64(weight[k])
            mixed = here + _at(strengths[frame], band, share) * (combed[frame, k] - here)
            out[frame, k] = mixed
            energy, energy_after = here.real**2 + here.imag**2, mixed.real**2 + mixed.imag**2
            before[band] += (1 - share) * energy
            before[band + 1] += share * energy
            after[band] += (1 - share) * energy_after
            after[band + 1] += share * energy_after
        for band in range(n):
            rescale = np.sqrt(before[band] / (after[band] + TINY) + TINY)
            factor[band] = gains[frame, band] * min(rescale, MAX_RESCALE)
        for k in range(len(first)):
            out[frame, k] *= _at(factor, first[k], weight[k])
    return out


def _energy(spectrum: Any) -> Any:
    return spectrum.real**2 + spectrum.imag**2


def _weights(sample_rate: int, like: Any) -> Any:
    """`band_weights` in the library, on the device and in the precision of another array."""
    double = like.dtype.itemsize == 8
    return namespace(like).asarray(_constants(sample_rate, double), dtype=like.dtype, device=like.device)


@lru_cache(maxsize=8)
def _constants(sample_rate: int, double: bool) -> np.ndarray:
    return band_weights(layout(sample_rate)).astype(np.float64 if double else np.float32)


def band_weights(bands: Bands) -> np.ndarray:
    """Weights of the bands below the Nyquist frequency as a matrix, for sums that must have a slope.

    Returns
    -------
    float64 array, shape (bins, bands)
        Energies times it are band energies; band values times its transpose are interpolated.

    Examples
    --------
    >>> weights = band_weights(layout(16_000))
    >>> weights.shape, bool(np.allclose(weights.sum(axis=1), 1))
    ((161, 26), True)
    """
    bins = np.arange(len(bands.first))
    weights = np.zeros((len(bins), len(bands) + 1))
    weights[bins, bands.first] = 1 - bands.weight.astype(np.float64)
    weights[bins, bands.first + 1] += bands.weight
    return weights[:, : int(bands.mask.sum())]
