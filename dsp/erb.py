"""ERB bands: 34 overlapping triangles whose weights serve energies and interpolation alike.

References
----------
The band edges are RNNoise v0.2's (bins of 50 Hz up to 20 kHz), the layout of 34 triangles PercepNet's
(Valin et al., Interspeech 2020, section 2.1).
"""

from dataclasses import dataclass
from functools import lru_cache

import numba
import numpy as np

from percepkit.dsp.stft import hop_length

__all__ = ["N_BANDS", "Bands", "band_energy", "band_product", "interpolate", "layout"]

KNOTS_HZ = 50.0 * np.array(
    [0, 2, 4, 6, 8, 10, 12, 15, 18, 21, 24, 28, 32, 36, 41, 47, 53,
     60, 68, 77, 87, 98, 110, 124, 140, 157, 176, 198, 223, 251, 282, 317, 356, 400]
)  # fmt: skip
N_BANDS = len(KNOTS_HZ)


@dataclass(frozen=True, eq=False)
class Bands:
    """Triangular bands over the bins of `percepkit.dsp.stft.analyse`.

    Bin k belongs to band ``first[k]`` with weight ``1 - weight[k]`` and to the next with ``weight[k]``: the
    weights of every bin sum to one, so that band energies sum to the energy of the frame.

    Attributes
    ----------
    first : int64 array, shape (bins,)
    weight : float32 array in [0, 1), shape (bins,)
    mask : bool array, shape (34,)
        Bands whose peak lies below the Nyquist frequency; the others hold nothing.
    """

    first: np.ndarray
    weight: np.ndarray
    mask: np.ndarray


@lru_cache(maxsize=16)
def layout(sample_rate: int) -> Bands:
    """Bands for a sample rate: knots in Hz, clipped at the Nyquist frequency.

    Above the last knot that is left, bins belong wholly to its band.

    Examples
    --------
    >>> int(layout(48_000).mask.sum()), int(layout(16_000).mask.sum())
    (34, 26)
    """
    hop = hop_length(sample_rate)
    frequency = np.arange(hop + 1) * (sample_rate / (2 * hop))
    mask = sample_rate / 2 > KNOTS_HZ
    knots = KNOTS_HZ[mask]
    first = np.clip(np.searchsorted(knots, frequency, side="right") - 1, 0, len(knots) - 1)
    gap = np.append(np.diff(knots), np.inf)
    weight = ((frequency - knots[first]) / gap[first]).astype(np.float32)
    for array in (first, weight, mask):
        array.setflags(write=False)
    return Bands(first, weight, mask)


def band_energy(spectrum: np.ndarray, bands: Bands) -> np.ndarray:
    """Energy of each band, sum over bins of weight times squared magnitude.

    Parameters
    ----------
    spectrum : complex array, shape (frames, bins)
    bands : Bands

    Returns
    -------
    float array of the spectrum's precision, shape (frames, 34)

    Examples
    --------
    >>> spectrum = np.ones((1, 161), dtype=np.complex128)
    >>> float(band_energy(spectrum, layout(16_000)).sum())
    161.0
    """
    return band_product(spectrum, spectrum, bands)


def band_product(a: np.ndarray, b: np.ndarray, bands: Bands) -> np.ndarray:
    """Real inner product of two spectra in each band, sum over bins of weight times Re(conj(a) b).

    Returns
    -------
    float array, shape (frames, 34)
    """
    out = np.zeros((len(a), N_BANDS), dtype=a.real.dtype)
    _accumulate(a, b, bands.first, bands.weight, out)
    return out


@numba.njit(cache=True, nogil=True)
def _accumulate(a: np.ndarray, b: np.ndarray, first: np.ndarray, weight: np.ndarray, out: np.ndarray) -> None:
    # One frame after the other, bins in order: the result of a frame does not depend on its neighbours, which a
    # matrix product does not promise.
    last = out.shape[1] - 1
    for frame in range(a.shape[0]):
        for k in range(a.shape[1]):
            product = a[frame, k].real * b[frame, k].real + a[frame, k].imag * b[frame, k].imag
            upper = weight[k] * product
            out[frame, first[k]] += product - upper
            out[frame, min(first[k] + 1, last)] += upper


def interpolate(values: np.ndarray, bands: Bands) -> np.ndarray:
    """Spread band values over bins with the bands' own weights.

    Parameters
    ----------
    values : float array, shape (frames, 34)
    bands : Bands

    Returns
    -------
    float array, shape (frames, bins)

    Examples
    --------
    >>> float(interpolate(np.full((1, 34), 0.5), layout(48_000)).max())
    0.5
    """
    upper = values[:, np.minimum(bands.first + 1, N_BANDS - 1)]
    lower = values[:, bands.first]
    return lower + bands.weight.astype(values.dtype) * (upper - lower)
