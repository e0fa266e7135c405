"""Signal subspace: filters short vectors in the basis that diagonalises speech and noise together.

The covariances are Toeplitz, from the power spectrum of the frame and from any noise estimate of
`percepkit.baselines.estimators`, which have the same taper over lags. Each frame's filter is applied to
half-overlapping vectors of 4 ms within it.

References
----------
Y. Ephraim and H. L. Van Trees, "A signal subspace approach for speech enhancement", IEEE Trans. Speech Audio
Process. 3(4), 1995.
Y. Hu and P. C. Loizou, "A generalized subspace approach for enhancing speech corrupted by colored noise", IEEE
Trans. Speech Audio Process. 11(4), 2003.
"""

import numpy as np
import scipy.fft
import scipy.linalg

from percepkit.baselines.denoiser import Spec, StreamedDenoiser
from percepkit.baselines.estimators import ESTIMATORS
from percepkit.baselines.grid import Grid, grid_of
from percepkit.baselines.spectral import HopStream
from percepkit.dsp.stft import Analyser, hop_length, split_frames, vorbis_window

__all__ = ["DENOISERS", "SubspaceDenoiser", "klt_filter", "mu_of_snr", "whitening"]

VECTOR_SECONDS = 0.004
VECTOR_MAX = 96  # samples; the cost grows with the cube
POWER_SECONDS = 0.01  # averaging of the frames' power
LOADING = 1e-6  # of the noise's variance, against singular covariances
GAIN_MIN = 0.1
NU = 1.0  # of the spectral-domain constrained gain


def mu_of_snr(snr_db: float) -> float:
    """Lagrange multiplier: 1 from 20 dB on, 5 up to -5 dB, linear between them (Hu and Loizou).

    Examples
    --------
    >>> mu_of_snr(20), round(mu_of_snr(0), 2), mu_of_snr(-30)
    (1.0, 4.2, 5.0)
    """
    return float(np.clip(4.2 - 0.16 * snr_db, 1, 5))


def whitening(noise: np.ndarray, coloured: bool) -> tuple[np.ndarray, np.ndarray]:
    """Square root L of the noise covariance, L L^T = R, and its inverse.

    Parameters
    ----------
    noise : float64 array, shape (n,)
        Autocorrelation of the noise.
    coloured : bool
        Without it only the variance counts.

    Returns
    -------
    two float64 arrays, shape (n, n)

    Examples
    --------
    >>> whitening(np.array([4.0, 1.0]), coloured=False)[0].round(3)
    array([[2., 0.],
           [0., 2.]])
    """
    first = noise.copy() if coloured else np.append(noise[0], np.zeros(len(noise) - 1))
    first[0] *= 1 + LOADING
    root = np.linalg.cholesky(scipy.linalg.toeplitz(first))
    return root, scipy.linalg.solve_triangular(root, np.eye(len(root)), lower=True)


def klt_filter(noisy: np.ndarray, root: np.ndarray, inverse: np.ndarray, coloured: bool) -> np.ndarray:
    """Filter matrix H that takes a noisy vector to an estimate of the clean one.

    Parameters
    ----------
    noisy : float64 array, shape (n,)
        Autocorrelation of the noisy signal.
    root, inverse : float64 arrays, shape (n, n)
        See `whitening`.
    coloured : bool
        Gain d / (d + mu) of the time-domain constraint with mu from the SNR (Hu and Loizou); without it
        exp(-nu / d) of the spectral-domain constraint (Ephraim and Van Trees). d is the speech's variance along an
        eigenvector over the noise's.

    Returns
    -------
    float64 array, shape (n, n)
    """
    whitened = inverse @ scipy.linalg.toeplitz(noisy) @ inverse.T
    variance, vectors = np.linalg.eigh((whitened + whitened.T) / 2)
    ratio = np.maximum(variance - 1, 1e-10)
    if coloured:
        gains = ratio / (ratio + mu_of_snr(10 * np.log10(ratio.mean())))
    else:
        gains = np.exp(-np.minimum(NU / ratio, 100.0))
    gains = np.maximum(gains, GAIN_MIN)
    return (root @ vectors * gains) @ (vectors.T @ inverse)


class SubspaceDenoiser(StreamedDenoiser):
    """Subspace filter on frames of 20 ms, 10 ms apart, at any sample rate.

    Parameters
    ----------
    spec : Spec
    estimator : str
        A name in `percepkit.baselines.estimators.ESTIMATORS`.
    coloured : bool
        See `klt_filter`.
    """

    def __init__(self, spec: Spec, estimator: str, *, coloured: bool) -> None:
        self.spec = spec
        self._estimator, self._coloured = estimator, coloured

    def latency_samples(self, sample_rate: int) -> int:
        """One frame less a sample: the first sample of a frame waits for the last one."""
        return 2 * hop_length(sample_rate) - 1

    def stream(self, sample_rate: int) -> "SubspaceStream":
        """Start a stream at ``sample_rate`` Hz."""
        return SubspaceStream(_FrameFilter(grid_of(sample_rate), self._estimator, self._coloured), sample_rate)


class SubspaceStream(HopStream):
    """A subspace filter at work on a stream."""

    def __init__(self, rule: "_FrameFilter", sample_rate: int) -> None:
        super().__init__(sample_rate)
        self._filter = rule
        self._analyser = Analyser(self._hop, np.float64)
        self._last = np.zeros(self._hop)
        self._tail = np.zeros(self._hop)

    def _advance(self, samples: np.ndarray) -> np.ndarray:
        spectrum = self._analyser.process(samples)
        hops = np.concatenate([self._last, samples])
        self._last = hops[-self._hop :]
        frames = self._filter.enhance(split_frames(hops, self._hop), spectrum.real**2 + spectrum.imag**2)
        frames *= vorbis_window(2 * self._hop) ** 2
        output = frames[:, : self._hop].copy()
        output[1:] += frames[:-1, self._hop :]
        output[0] += self._tail
        self._tail = frames[-1, self._hop :]
        return output.reshape(-1)


class _FrameFilter:
    """Noise estimate and filter of one channel."""

    def __init__(self, grid: Grid, estimator: str, coloured: bool) -> None:
        self._estimator = ESTIMATORS[estimator](grid)
        self._coloured = coloured
        self._smoothing = grid.smoothing(POWER_SECONDS)
        self._power = np.zeros(grid.n_bins)
        n_frame = 2 * (grid.n_bins - 1)
        n_vector = 2 * min(round(VECTOR_SECONDS / grid.hop_seconds * (grid.n_bins - 1) / 2), VECTOR_MAX // 2)
        self._n_vector = max(n_vector, 2)
        starts = np.arange(0, n_frame - self._n_vector + 1, self._n_vector // 2)
        starts = np.unique(np.append(starts, n_frame - self._n_vector))
        self._places = starts[:, None] + np.arange(self._n_vector)
        self._window = np.sin(np.pi * (np.arange(self._n_vector) + 0.5) / self._n_vector) ** 2
        self._weight = np.bincount(self._places.ravel(), np.tile(self._window, len(starts)), n_frame)

    def enhance(self, frames: np.ndarray, power: np.ndarray) -> np.ndarray:
        """Filter frames, shape (frames, samples), whose power spectrum is known."""
        output = np.zeros_like(frames)
        for index, noise in enumerate(self._estimator.track(power)):
            smoothing = self._smoothing if self._power.any() else 0.0
            self._power = smoothing * self._power + (1 - smoothing) * power[index]
            if power[index].any():
                output[index] = self._filtered(frames[index], noise)
        return output

    def _filtered(self, frame: np.ndarray, noise: np.ndarray) -> np.ndarray:
        both = scipy.fft.irfft([self._power, noise], axis=1)[:, : self._n_vector]
        scale = max(both[1, 0], 1e-10 * both[0, 0])
        both[1, 0] = scale
        root, inverse = whitening(both[1] / scale, self._coloured)
        matrix = klt_filter(both[0] / scale, root, inverse, self._coloured)
        filtered = frame[self._places] @ matrix.T * self._window
        return np.bincount(self._places.ravel(), filtered.ravel(), len(frame)) / self._weight


def _named(name: str, summary: str, paper: str, *, coloured: bool) -> SubspaceDenoiser:
    described = Spec(
        name=name,
        summary=summary,
        paper=f"{paper}; noise: {ESTIMATORS['minimum'].paper}",
        causal=True,
        invariances=frozenset({"level"}),
    )
    return SubspaceDenoiser(described, "minimum", coloured=coloured)


DENOISERS = (
    _named(
        "subspace",
        "Generalised subspace filter for coloured noise, mu by the SNR.",
        "Hu, Loizou 2003",
        coloured=True,
    ),
    _named("subspace-white", "Subspace filter for white noise.", "Ephraim, Van Trees 1995", coloured=False),
)
