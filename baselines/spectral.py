"""Denoisers that multiply the short-time spectrum by a real gain per frame and bin.

A method is a gain rule: an object with state that turns the next frames' power into gains, frame by frame.
The whole-signal and the streaming form run the same rule.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
import scipy.fft

from percepkit.baselines.denoiser import Spec, as_float64
from percepkit.dsp.stft import analyse, hop_length, overlap_add, synthesise, vorbis_window

__all__ = ["GainRule", "SpectralDenoiser", "SpectralStream"]


class GainRule(Protocol):
    """State of a suppression rule on one channel."""

    def gains(self, power: np.ndarray) -> np.ndarray:
        """Gains in [0, 1] of the next frames from their power |Y|^2, both of shape (frames, bins)."""


class SpectralDenoiser:
    """Analysis, gain rule, synthesis: 20 ms frames, 10 ms apart, at any sample rate.

    Parameters
    ----------
    spec : Spec
    start_rule : callable
        Makes a fresh `GainRule` for a number of bins; called once per channel.
    """

    def __init__(self, spec: Spec, start_rule: Callable[[int], GainRule]) -> None:
        self.spec = spec
        self._start_rule = start_rule

    def __call__(self, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        """Enhance one channel; see `Denoiser`."""
        spectrum = analyse(as_float64(noisy), sample_rate)
        spectrum *= self._gains(spectrum)
        return synthesise(spectrum, len(noisy), sample_rate).astype(noisy.dtype, copy=False)

    def gains(self, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        """Gains that the denoiser applies to ``noisy``.

        Returns
        -------
        float64 array, shape (frames, bins), in [0, 1]
            Frames and bins as in `percepkit.dsp.stft.analyse`.
        """
        return self._gains(analyse(as_float64(noisy), sample_rate))

    def _gains(self, spectrum: np.ndarray) -> np.ndarray:
        return self._start_rule(spectrum.shape[1]).gains(_power(spectrum))

    def latency_samples(self, sample_rate: int) -> int:
        """One frame less a sample: the first sample of a frame waits for the last one."""
        return 2 * hop_length(sample_rate) - 1

    def stream(self, sample_rate: int) -> "SpectralStream":
        """Start a stream at ``sample_rate`` Hz."""
        return SpectralStream(self._start_rule(hop_length(sample_rate) + 1), sample_rate)


class SpectralStream:
    """A gain rule at work on a stream; blocks may have any length, also from call to call."""

    def __init__(self, rule: GainRule, sample_rate: int) -> None:
        hop = hop_length(sample_rate)
        self._rule = rule
        self._hop = hop
        self._waiting = np.zeros(hop)  # the last whole hop, which the next frame shares, and the rest
        self._last_frame = np.zeros((1, 2 * hop))
        self._ready = np.zeros(hop - 1)
        self._started = False
        self._dtype: np.dtype = np.dtype(np.float64)

    def process(self, block: np.ndarray) -> np.ndarray:
        """Take the next samples and return as many, delayed by 2 hop - 1 samples; zeros come first."""
        self._waiting = np.concatenate([self._waiting, as_float64(block)])
        self._dtype = block.dtype
        n_new = len(self._waiting) // self._hop - 1
        if n_new > 0:
            enhanced = self._advance(self._waiting[: (n_new + 1) * self._hop])
            self._ready = np.concatenate([self._ready, enhanced])
            self._waiting = self._waiting[n_new * self._hop :]
        output, self._ready = np.split(self._ready, [len(block)])
        return output.astype(self._dtype)

    def flush(self) -> np.ndarray:
        """End the stream: the last 2 hop - 1 samples."""
        return self.process(np.zeros(2 * self._hop - 1, dtype=self._dtype))

    def _advance(self, samples: np.ndarray) -> np.ndarray:
        """Enhance whole hops: as many come out as are new in ``samples``, one hop later."""
        hops = samples.reshape(-1, self._hop)
        window = vorbis_window(2 * self._hop)
        spectrum = scipy.fft.rfft(np.hstack([hops[:-1], hops[1:]]) * window, axis=1)
        spectrum *= self._rule.gains(_power(spectrum))
        frames = scipy.fft.irfft(spectrum, n=2 * self._hop, axis=1) * window
        output = overlap_add(np.concatenate([self._last_frame, frames]))
        self._last_frame = frames[-1:]
        if not self._started:
            output[: self._hop] = 0  # what frame 0 spreads before the first sample
            self._started = True
        return output


def _power(spectrum: np.ndarray) -> np.ndarray:
    return spectrum.real**2 + spectrum.imag**2
