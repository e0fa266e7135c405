"""Bands on an ERB scale: overlapping triangles or rectangles whose weights serve energies and interpolation alike.

References
----------
"rnnoise": the band edges of RNNoise v0.2 (bins of 50 Hz up to 20 kHz), as the 34 triangles of PercepNet (Valin et
al., Interspeech 2020, section 2.1), which does not print its own. "erb-rate": equal steps of the ERB rate of B.
Glasberg and B. Moore, "Derivation of auditory filter shapes from notched-noise data", Hear. Res. 47, 1990.
"rectangular": the same steps as disjoint bands up to 24 kHz, H. Schroeter et al., "DeepFilterNet", ICASSP 2022.
"""

from dataclasses import dataclass
from functools import lru_cache

import numba
import numpy as np

from percepkit.dsp.stft import hop_length

__all__ = [
    "LAYOUTS", "Bands", "band_energy", "band_moments", "band_product", "erb_rate", "interpolate", "layout",
]  # fmt: skip

RNNOISE_HZ = 50.0 * np.array(
    [0, 2, 4, 6, 8, 10, 12, 15, 18, 21, 24, 28, 32, 36, 41, 47, 53,
     60, 68, 77, 87, 98, 110, 124, 140, 157, 176, 198, 223, 251, 282, 317, 356, 400]
)  # fmt: skip
#: Names of the layouts and how many bands each has unless asked otherwise.
LAYOUTS = {"rnnoise": len(RNNOISE_HZ), "erb-rate": 34, "rectangular": 32}
STEP_HZ = 50.0  # edges lie on the bins of 20 ms frames and are at least two bins apart
TRIANGLES_TO_HZ, RECTANGLES_TO_HZ = 20_000.0, 24_000.0
GLASBERG_MOORE_HZ, GLASBERG_MOORE_Q = 24.7, 9.265


@dataclass(frozen=True, eq=False)
class Bands:
    """Bands over the bins of `percepkit.dsp.stft.analyse`.

    Bin k belongs to band ``first[k]`` with weight ``1 - weight[k]`` and to the next with ``weight[k]``: the
    weights of every bin sum to one, so that band energies sum to the energy of the frame.

    Attributes
    ----------
    knots_hz : float array, shape (bands,)
        Peaks of triangles, lower edges of rectangles.
    first : int64 array, shape (bins,)
    weight : float32 array in [0, 1), shape (bins,)
    mask : bool array, shape (bands,)
        Bands whose knot lies below the Nyquist frequency; the others hold nothing.
    centre_hz : float array, shape (bands,)
        Peaks of triangles, centres of rectangles.
    n_bins : float array, shape (bands,)
        Sum of a band's weights.
    """

    knots_hz: np.ndarray
    first: np.ndarray
    weight: np.ndarray
    mask: np.ndarray
    centre_hz: np.ndarray
    n_bins: np.ndarray

    def __len__(self) -> int:
        return len(self.knots_hz)


@lru_cache(maxsize=32)
def layout(
    sample_rate: int, name: str = "rnnoise", *, n_bands: int | None = None, hop: int | None = None
) -> Bands:
    """Bands for a sample rate, the same in Hz at any rate and clipped at the Nyquist frequency.

    Above the last knot that is left, bins belong wholly to its band.

    Parameters
    ----------
    sample_rate : int
        In Hz.
    name : {"rnnoise", "erb-rate", "rectangular"}
    n_bands : int, optional
        Of the layouts other than "rnnoise"; 34 and 32 by default.
    hop : int, optional
        Samples between frames, 10 ms by default.

    Examples
    --------
    >>> int(layout(48_000).mask.sum()), int(layout(16_000).mask.sum())
    (34, 26)
    >>> layout(48_000, "erb-rate", n_bands=16).knots_hz[-3:]
    array([10900., 14800., 20000.])
    """
    knots = _knots_hz(name, n_bands)
    hop = hop or hop_length(sample_rate)
    frequency = np.arange(hop + 1) * (sample_rate / (2 * hop))
    mask = sample_rate / 2 > knots
    present = knots[mask]
    first = np.clip(np.searchsorted(present, frequency, side="right") - 1, 0, len(present) - 1)
    if name == "rectangular":
        weight, centre = np.zeros(len(first)), (knots + np.append(knots[1:], RECTANGLES_TO_HZ)) / 2
    else:
        weight, centre = (frequency - present[first]) / np.append(np.diff(present), np.inf)[first], knots
    n_bins = np.bincount(first, 1 - weight, minlength=len(knots) + 1)
    n_bins[1:] += np.bincount(first, weight, minlength=len(knots))
    bands = Bands(knots, first, weight.astype(np.float32), mask, centre, n_bins[: len(knots)])
    for array in vars(bands).values():
        array.setflags(write=False)
    return bands


def _knots_hz(name: str, n_bands: int | None) -> np.ndarray:
    if name not in LAYOUTS:
        raise ValueError(f"no band layout is called {name!r}; choose from {', '.join(LAYOUTS)}")
    if name == "rnnoise":
        if n_bands not in (None, len(RNNOISE_HZ)):
            raise ValueError(f"layout rnnoise has {len(RNNOISE_HZ)} bands, asked for {n_bands}; use erb-rate")
        return RNNOISE_HZ.copy()
    n = n_bands or LAYOUTS[name]
    top_hz, edges = (TRIANGLES_TO_HZ, n) if name == "erb-rate" else (RECTANGLES_TO_HZ, n + 1)
    if not 2 <= n <= top_hz / (2 * STEP_HZ):
        raise ValueError(f"layout {name} takes 2 to {int(top_hz / (2 * STEP_HZ))} bands, asked for {n_bands}")
    rate = np.linspace(0, erb_rate(top_hz), edges)
    scale = GLASBERG_MOORE_HZ * GLASBERG_MOORE_Q
    step = np.floor(scale * np.expm1(rate / GLASBERG_MOORE_Q) / STEP_HZ + 0.5)
    for i in range(1, edges):
        step[i] = max(step[i], step[i - 1] + 2)
    return STEP_HZ * step[:n]


def erb_rate(frequency_hz: float) -> float:
    """ERB rate, the number of auditory filters below a frequency (Glasberg and Moore 1990).

    Examples
    --------
    >>> round(erb_rate(1000.0), 2)
    15.57
    """
    return float(GLASBERG_MOORE_Q * np.log1p(frequency_hz / (GLASBERG_MOORE_HZ * GLASBERG_MOORE_Q)))


def band_energy(spectrum: np.ndarray, bands: Bands) -> np.ndarray:
    """Energy of each band, sum over bins of weight times squared magnitude.

    Parameters
    ----------
    spectrum : complex array, shape (frames, bins)
    bands : Bands

    Returns
    -------
    float64 array, shape (frames, bands)

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
    float64 array, shape (frames, bands)
        Summed in double precision: coherences near one are told apart by what is left after cancellation.
    """
    out = np.zeros((len(a), len(bands)))
    _accumulate(a, b, _starts(bands), bands.weight, out)
    return out


def band_moments(a: np.ndarray, b: np.ndarray, bands: Bands) -> np.ndarray:
    """`band_product` of two spectra, and the energy of each, in one pass.

    Returns
    -------
    float64 array, shape (3, frames, bands)
    """
    out = np.zeros((3, len(a), len(bands)))
    _accumulate_moments(a, b, _starts(bands), bands.weight, out)
    return out


@lru_cache(maxsize=32)
def _starts(bands: Bands) -> np.ndarray:
    """First bin of each band's upper slope, and the number of bins."""
    return np.searchsorted(bands.first, np.arange(len(bands) + 1))


# One frame after the other: the result of a frame does not depend on its neighbours, which a matrix product does
# not promise. Within a band the order of the sum is the compiler's, so that it can use vector instructions.
@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def _accumulate(a: np.ndarray, b: np.ndarray, starts: np.ndarray, weight: np.ndarray, out: np.ndarray) -> None:
    last = out.shape[1] - 1
    for frame in range(a.shape[0]):
        u, v = a[frame], b[frame]
        for band in range(last + 1):
            whole, upper = 0.0, 0.0
            for k in range(starts[band], starts[band + 1]):
                product = u[k].real * v[k].real + u[k].imag * v[k].imag
                whole += product
                upper += weight[k] * product
            out[frame, band] += whole - upper
            out[frame, min(band + 1, last)] += upper


@numba.njit(cache=True, nogil=True)
def _accumulate_moments(
    a: np.ndarray, b: np.ndarray, starts: np.ndarray, weight: np.ndarray, out: np.ndarray
) -> None:
    _accumulate(a, b, starts, weight, out[0])
    _accumulate(a, a, starts, weight, out[1])
    _accumulate(b, b, starts, weight, out[2])


def interpolate(values: np.ndarray, bands: Bands) -> np.ndarray:
    """Spread band values over bins with the bands' own weights.

    Parameters
    ----------
    values : float array, shape (frames, bands)
    bands : Bands

    Returns
    -------
    float array, shape (frames, bins)

    Examples
    --------
    >>> float(interpolate(np.full((1, 34), 0.5), layout(48_000)).max())
    0.5
    """
    upper = values[:, np.minimum(bands.first + 1, len(bands) - 1)]
    lower = values[:, bands.first]
    return lower + bands.weight.astype(values.dtype) * (upper - lower)
