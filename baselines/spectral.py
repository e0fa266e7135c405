"""Denoisers that multiply the short-time spectrum by a real gain per frame and bin.

A method is a gain rule: an object with state that turns the next frames' power into gains, frame by frame.
The whole-signal and the streaming form run the same rule.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from percepkit.baselines.denoiser import Spec, as_float64
from percepkit.baselines.grid import Grid, grid_of
from percepkit.dsp.stft import Analyser, Synthesiser, analyse, hop_length, synthesise

__all__ = ["GainRule", "HopStream", "SpectralDenoiser", "SpectralStream"]


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
        Makes a fresh `GainRule` on a `Grid`; called once per channel.
    """

    def __init__(self, spec: Spec, start_rule: Callable[[Grid], GainRule]) -> None:
        self.spec = spec
        self._start_rule = start_rule

    def __call__(self, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        """Enhance one channel; see `Denoiser`."""
        spectrum = analyse(as_float64(noisy), hop_length(sample_rate))
        spectrum *= self._gains(spectrum, sample_rate)
        return synthesise(spectrum, len(noisy)).astype(noisy.dtype, copy=False)

    def gains(self, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        """Gains that the denoiser applies to ``noisy``.

        Returns
        -------
        float64 array, shape (frames, bins), in [0, 1]
            Frames and bins as in `percepkit.dsp.stft.analyse`.
        """
        return self._gains(analyse(as_float64(noisy), hop_length(sample_rate)), sample_rate)

    def _gains(self, spectrum: np.ndarray, sample_rate: int) -> np.ndarray:
        return self._start_rule(grid_of(sample_rate)).gains(_power(spectrum))

    def latency_samples(self, sample_rate: int) -> int:
        """One frame less a sample: the first sample of a frame waits for the last one."""
        return 2 * hop_length(sample_rate) - 1

    def stream(self, sample_rate: int) -> "SpectralStream":
        """Start a stream at ``sample_rate`` Hz."""
        return SpectralStream(self._start_rule(grid_of(sample_rate)), sample_rate)


class HopStream:
    """A method that enhances whole hops, at work on blocks of any length, also from call to call.

    Parameters
    ----------
    sample_rate : int
        In Hz.
    look_ahead : int
        Hops after the end of a frame that the method waits for.
    """

    def __init__(self, sample_rate: int, *, look_ahead: int = 0) -> None:
        hop = hop_length(sample_rate)
        self._hop = hop
        self._waiting = np.zeros(0)
        self._ready = np.zeros(hop - 1)
        self._early = (1 + look_ahead) * hop  # samples that `_advance` gives before the first of the signal
        self._latency = self._early + hop - 1
        self._dtype: np.dtype = np.dtype(np.float64)

    def process(self, block: np.ndarray) -> np.ndarray:
        """Take the next samples and return as many, delayed by the latency; zeros come first."""
        self._waiting = np.concatenate([self._waiting, as_float64(block)])
        self._dtype = block.dtype
        whole = len(self._waiting) // self._hop * self._hop
        if whole:
            enhanced = self._advance(self._waiting[:whole])
            enhanced[: self._early] = 0  # what frame 0 spreads before the first sample
            self._early = max(self._early - len(enhanced), 0)
            self._ready = np.concatenate([self._ready, enhanced])
            self._waiting = self._waiting[whole:]
        output, self._ready = np.split(self._ready, [len(block)])
        return output.astype(self._dtype)

    def flush(self) -> np.ndarray:
        """End the stream: the last samples, as many as the latency."""
        return self.process(np.zeros(self._latency, dtype=self._dtype))

    def _advance(self, samples: np.ndarray) -> np.ndarray:
        """Enhance whole hops: as many samples come out, one hop and the look-ahead later."""
        raise NotImplementedError


class SpectralStream(HopStream):
    """A gain rule at work on a stream."""

    def __init__(self, rule: GainRule, sample_rate: int) -> None:
        super().__init__(sample_rate)
        self._rule = rule
        self._analyser, self._synthesiser = Analyser(self._hop, np.float64), Synthesiser(self._hop, np.float64)

    def _advance(self, samples: np.ndarray) -> np.ndarray:
        spectrum = self._analyser.process(samples)
        return self._synthesiser.process(spectrum * self._rule.gains(_power(spectrum)))


def _power(spectrum: np.ndarray) -> np.ndarray:
    return spectrum.real**2 + spectrum.imag**2
