"""Second-order high-pass: removes DC and rumble, nothing else.

It is the filter that RNNoise puts before its network, b = [1, -2, 1], a = [1, -1.99599, 0.996] at
48 kHz. Undoing the bilinear transform gives a corner of 24.2 Hz and Q = 0.79, which we design at any rate.

Its phase is not compensated: the group delay is about f0 / (2 pi Q f^2), 0.5 ms at 100 Hz and 0.02 ms at
500 Hz.

References
----------
J.-M. Valin, "A hybrid DSP/deep learning approach to real-time full-band speech enhancement", MMSP 2018.
"""

import numpy as np
from scipy.signal import lfilter

from percepkit.baselines.denoiser import Spec, StreamedDenoiser, as_float64

__all__ = ["DENOISERS", "HighPass", "HighPassStream", "biquad"]

CORNER_HZ = 24.18
QUALITY = 0.7897


def biquad(sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (b, a) of the high-pass at ``sample_rate`` Hz, with gain 1 at the Nyquist frequency.

    Examples
    --------
    >>> biquad(48_000)[1].round(5)
    array([ 1.     , -1.99599,  0.996  ])
    """
    k = np.tan(np.pi * CORNER_HZ / sample_rate)
    denominator = np.array([1 + k / QUALITY + k**2, 2 * (k**2 - 1), 1 - k / QUALITY + k**2])
    return np.array([1.0, -2.0, 1.0]) / denominator[0], denominator / denominator[0]


class HighPass(StreamedDenoiser):
    """The high-pass as a denoiser; float64 inside, no latency."""

    spec = Spec(
        name="highpass",
        summary="Second-order high-pass at 24 Hz: DC and rumble.",
        paper="Valin 2018 (RNNoise)",
        causal=True,
        invariances=frozenset({"level"}),
    )

    def latency_samples(self, sample_rate: int) -> int:
        """Zero: an output sample depends on no later input."""
        return 0

    def stream(self, sample_rate: int) -> "HighPassStream":
        """Start a stream at ``sample_rate`` Hz."""
        return HighPassStream(sample_rate)


class HighPassStream:
    """The filter and its state."""

    def __init__(self, sample_rate: int) -> None:
        self._b, self._a = biquad(sample_rate)
        self._state = np.zeros(2)
        self._dtype: np.dtype = np.dtype(np.float64)

    def process(self, block: np.ndarray) -> np.ndarray:
        """Filter the next samples."""
        samples = as_float64(block)
        self._dtype = block.dtype
        if not len(samples):
            return samples.astype(self._dtype)  # lfilter forgets its state over an empty block
        filtered, self._state = lfilter(self._b, self._a, samples, zi=self._state)
        return filtered.astype(self._dtype)

    def flush(self) -> np.ndarray:
        """Nothing is left: the filter has no latency."""
        return np.zeros(0, dtype=self._dtype)


DENOISERS = (HighPass(),)
