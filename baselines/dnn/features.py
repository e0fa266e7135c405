"""What a model sees of the noisy signal: one row of numbers per frame, computed without PyTorch.

Training and inference run the same streaming code: `compute` is a stream that is fed all at once. Row l belongs
to frame l of `percepkit.dsp.stft.analyse`; where features look ahead, it comes when as many later hops are there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from percepkit.baselines.dnn._pitch_features import PercepNetFeatures, RnnoiseFeatures
from percepkit.baselines.dnn.frames import Frames
from percepkit.dsp.stft import Analyser, hop_length, n_frames

__all__ = ["COMPRESSION", "FEATURES", "FeatureStream", "Features", "compute", "make"]

#: Power that magnitudes are raised to before a network sees or predicts them, as in GTCRN and many others.
COMPRESSION = 0.3
FLOOR = 1e-4  # of magnitudes over the root of the hop, re full scale: -80 dB


class FeatureStream(Protocol):
    """Features at work on one channel."""

    def process(self, samples: np.ndarray) -> Frames:
        """Take a whole number of hops; as many rows come back, less those that lie before frame 0."""


class Features(Protocol):
    """A kind of features at a sample rate."""

    @property
    def size(self) -> int:
        """Numbers in a row."""

    @property
    def sample_rate(self) -> int:
        """In Hz."""

    @property
    def look_ahead_frames(self) -> int:
        """Hops after the end of frame l that row l waits for."""

    def stream(self) -> FeatureStream:
        """Start on a channel."""


@dataclass(frozen=True)
class SpectralFeatures:
    """A function of the noisy spectrum, frame by frame.

    Parameters
    ----------
    sample_rate : int
        In Hz.
    size : int
    rows : callable
        From spectra, shape (frames, bins), to rows, shape (frames, size).
    """

    sample_rate: int
    size: int
    rows: Callable[[np.ndarray], np.ndarray]
    look_ahead_frames: int = 0

    def stream(self) -> "_SpectralStream":
        """Start on a channel."""
        return _SpectralStream(hop_length(self.sample_rate), self.rows)


class _SpectralStream:
    def __init__(self, hop: int, rows: Callable[[np.ndarray], np.ndarray]) -> None:
        self._analyser, self._rows = Analyser(hop, np.float64), rows

    def process(self, samples: np.ndarray) -> Frames:
        spectrum = self._analyser.process(samples)
        return Frames(self._rows(spectrum).astype(np.float32), spectrum)


@dataclass(frozen=True)
class WaveformFeatures:
    """The samples themselves: row l holds hop l, which completes frame l.

    Parameters
    ----------
    sample_rate : int
        In Hz.
    """

    sample_rate: int
    look_ahead_frames: int = 0

    @property
    def size(self) -> int:
        """Samples in a hop."""
        return hop_length(self.sample_rate)

    def stream(self) -> "_WaveformStream":
        """Start on a channel."""
        return _WaveformStream(self.size)


class _WaveformStream:
    def __init__(self, hop: int) -> None:
        self._hop, self._analyser = hop, Analyser(hop, np.float64)

    def process(self, samples: np.ndarray) -> Frames:
        rows = samples.reshape(-1, self._hop).astype(np.float32)
        return Frames(rows, self._analyser.process(samples))


def _log_magnitude(sample_rate: int) -> SpectralFeatures:
    """Log magnitude of every bin, about -2 to 3: lg(max(|Y| / sqrt(hop), 1e-4)) + 2."""
    hop = hop_length(sample_rate)

    def rows(spectrum: np.ndarray) -> np.ndarray:
        return np.log10(np.maximum(np.abs(spectrum) / np.sqrt(hop), FLOOR)) + 2

    return SpectralFeatures(sample_rate, hop + 1, rows)


def _compressed_complex(sample_rate: int) -> SpectralFeatures:
    """Real parts of all bins, then imaginary ones, of Y |Y|^-0.7: phases kept, magnitudes compressed."""
    hop = hop_length(sample_rate)

    def rows(spectrum: np.ndarray) -> np.ndarray:
        size = np.abs(spectrum)
        scale = np.divide(size**COMPRESSION, size, out=np.zeros_like(size), where=size > 0)
        return np.hstack([spectrum.real * scale, spectrum.imag * scale])

    return SpectralFeatures(sample_rate, 2 * (hop + 1), rows)


#: Features by name; each is called with the sample rate and its own options.
FEATURES: Mapping[str, Callable[..., Features]] = MappingProxyType(
    {
        "percepnet": PercepNetFeatures,
        "rnnoise": RnnoiseFeatures,
        "log-magnitude": _log_magnitude,
        "compressed-complex": _compressed_complex,
        "waveform": WaveformFeatures,
    }
)


def make(name: str, sample_rate: int, **options: Any) -> Features:
    """Features by name.

    Parameters
    ----------
    name : str
        A key of `FEATURES`.
    sample_rate : int
        In Hz.
    **options
        ``look_ahead_frames`` of "percepnet".

    Raises
    ------
    ValueError
        For an unknown name or option.

    Examples
    --------
    >>> make("percepnet", 48_000).size, make("compressed-complex", 16_000).size
    (70, 322)
    """
    if name not in FEATURES:
        raise ValueError(f"no features are called {name!r}; choose from {', '.join(FEATURES)}")
    try:
        return FEATURES[name](sample_rate, **options)
    except TypeError as error:
        raise ValueError(f"features {name} do not take these options: {error}") from error


def compute(features: Features, noisy: np.ndarray) -> Frames:
    """All rows of a signal, as a stream that ends in silence gives them.

    Parameters
    ----------
    features : Features
    noisy : float array, shape (n_samples,)

    Returns
    -------
    Frames
        As many as `percepkit.dsp.stft.analyse` makes of the signal.

    Examples
    --------
    >>> compute(make("log-magnitude", 16_000), np.zeros(16_000)).features.shape
    (101, 161)
    """
    hop = hop_length(features.sample_rate)
    frames = n_frames(len(noisy), hop)
    whole = np.zeros((frames + features.look_ahead_frames) * hop)
    whole[: len(noisy)] = noisy
    return features.stream().process(whole)
