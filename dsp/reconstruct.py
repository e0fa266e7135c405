"""From targets to sound: comb filter, band rescaling, gains, for whole signals and for streams.

References
----------
J.-M. Valin et al., Interspeech 2020 (PercepNet), figure 1: the comb filter, then "scale bands" to g_b ||y_b||.
"""

import numpy as np

from percepkit.dsp.comb import comb_frames, comb_margin, comb_within
from percepkit.dsp.erb import Bands, band_energy, interpolate
from percepkit.dsp.percepnet import Settings, Targets
from percepkit.dsp.pitch import MIN_F0_HZ
from percepkit.dsp.postfilter import envelope_postfilter, smooth_gains
from percepkit.dsp.stft import Analyser, Synthesiser, analyse, analyse_frames, synthesise

__all__ = ["TargetStream", "apply_targets"]

MAX_RESCALE = 10.0  # bounds the make-up of a band that the comb filter emptied
PERIOD_MARGIN = 1.1  # a stream takes periods a little longer than the tracker finds


def apply_targets(
    noisy: np.ndarray,
    targets: Targets,
    sample_rate: int,
    *,
    comb: bool = True,
    postfilter: bool = False,
    smooth: bool = False,
) -> np.ndarray:
    """Turn targets into enhanced speech.

    The bands are rescaled after the comb filter, so that each has the energy that its gain asks for.

    Parameters
    ----------
    noisy : float array, shape (n_samples,)
    targets : Targets
        Of `percepkit.dsp.percepnet.compute_targets`, or predicted.
    sample_rate : int
        In Hz.
    comb : bool
        Apply strengths and attenuation, not the gains alone.
    postfilter : bool
        Sharpen the gains with `percepkit.dsp.postfilter.envelope_postfilter`.
    smooth : bool
        Limit how fast gains fall with `percepkit.dsp.postfilter.smooth_gains`.

    Returns
    -------
    float array of the dtype of ``noisy``, shape (n_samples,)
    """
    settings = targets.settings
    hop, bands = settings.hop(sample_rate), settings.layout(sample_rate)
    spectrum = analyse(noisy, hop)
    _check_shapes(targets, f"{len(noisy)} samples at {sample_rate} Hz", len(spectrum), len(bands))
    combed = None
    if comb:
        look_ahead = settings.look_ahead(sample_rate)
        frames = comb_frames(noisy, targets.period, hop, order=settings.comb_order, look_ahead=look_ahead)
        combed = analyse_frames(frames)
    gains, energy = targets.gains, band_energy(spectrum, bands)
    if smooth:
        gains = smooth_gains(gains, energy, hop / sample_rate)
    enhanced = _enhance(spectrum, energy, combed, gains, targets, bands, postfilter)
    return synthesise(enhanced, len(noisy))


def _check_shapes(targets: Targets, signal: str, frames: int, bands: int) -> None:
    for name in ("gains", "strengths", "attenuation", "period"):
        expected = (frames,) if name == "period" else (frames, bands)
        found = getattr(targets, name).shape
        if found != expected:
            raise ValueError(f"{signal} have {frames} frames of {bands} bands, found {name} of shape {found}")


def _enhance(
    spectrum: np.ndarray,
    energy: np.ndarray,
    combed: np.ndarray | None,
    gains: np.ndarray,
    targets: Targets,
    bands: Bands,
    postfilter: bool,
) -> np.ndarray:
    """Spectra of enhanced frames, each from its own targets alone."""
    dtype = spectrum.real.dtype
    if combed is not None:
        gains = gains * targets.attenuation
        # Predicted strengths need not know that a frame has no pitch, and so no comb.
        strengths = np.where(targets.period[:, None] > 0, targets.strengths, 0)
        spectrum = spectrum + interpolate(strengths, bands).astype(dtype) * (combed - spectrum)
    if postfilter:
        gains = envelope_postfilter(gains, energy)
    if combed is not None:
        mixed = band_energy(spectrum, bands)
        ratio = np.divide(energy, mixed, out=np.zeros_like(mixed), where=mixed > 0)
        gains = gains * np.minimum(np.sqrt(ratio), MAX_RESCALE)
    return spectrum * interpolate(gains, bands).astype(dtype)


class TargetStream:
    """`apply_targets` of a signal that arrives block by block, with targets that arrive frame by frame.

    The output lags by ``latency_samples``: one hop, which frames need to overlap, and the look-ahead.

    Parameters
    ----------
    sample_rate : int
        In Hz.
    settings : Settings
        With a limit on ``look_ahead_frames``.
    dtype : dtype
        Of the samples.
    comb, postfilter, smooth : bool
        As for `apply_targets`.

    Notes
    -----
    Feed N hops with N rows of targets, of which the first ``look_ahead_frames`` are ignored: row l + look_ahead
    belongs to frame l of `percepkit.dsp.stft.analyse`, whose look-ahead is complete when that hop arrives. Then
    `flush` with the rows that remain, ``look_ahead_frames + 1`` of them. The settings are those of the stream,
    whatever the rows carry.
    """

    def __init__(
        self,
        sample_rate: int,
        settings: Settings,
        dtype: np.typing.DTypeLike,
        *,
        comb: bool = True,
        postfilter: bool = False,
        smooth: bool = False,
    ) -> None:
        if settings.look_ahead_frames is None:
            raise ValueError("a stream needs a limit; set look_ahead_frames of the settings, 3 in PercepNet")
        self.settings = settings
        self.hop = settings.hop(sample_rate)
        self.latency_samples = (1 + settings.look_ahead_frames) * self.hop
        self._sample_rate = sample_rate
        self._comb, self._postfilter, self._smooth = comb, postfilter, smooth
        self._longest = PERIOD_MARGIN * sample_rate / MIN_F0_HZ
        self._start = comb_margin(self._longest, settings.comb_order)
        self._past = np.zeros(self._start + self.latency_samples, dtype)
        self._analyser, self._synthesiser = Analyser(self.hop, dtype), Synthesiser(self.hop, dtype)
        self._delayed = np.zeros(settings.look_ahead_frames * self.hop, dtype)
        self._gains = np.zeros((0, len(settings.layout(sample_rate))))
        self._energy = np.zeros((0, len(settings.layout(sample_rate))))

    def process(self, block: np.ndarray, targets: Targets) -> np.ndarray:
        """Take a whole number of hops and as many rows of targets; return as many samples."""
        hop = self.hop
        if len(block) != hop * len(targets.gains):
            raise ValueError(
                f"expected {hop} samples for each of {len(targets.gains)} rows of targets, found {len(block)}"
            )
        bands = self.settings.layout(self._sample_rate)
        _check_shapes(targets, f"{len(block)} samples of a stream", len(targets.gains), len(bands))
        if targets.period.max(initial=0.0) > self._longest:
            raise ValueError(
                f"periods must not exceed {self._longest:.0f} samples, found {targets.period.max():.0f}"
            )
        samples = np.concatenate([self._past, block.astype(self._past.dtype, copy=False)])
        self._past = samples[len(block) :]
        queue = np.concatenate([self._delayed, samples[len(samples) - len(block) :]])
        ready, self._delayed = queue[: len(block)], queue[len(block) :]
        return self._synthesiser.process(self._frames(self._analyser.process(ready), samples, targets))

    def flush(self, targets: Targets) -> np.ndarray:
        """End the stream: the last ``latency_samples`` samples."""
        return self.process(np.zeros(self.latency_samples, self._past.dtype), targets)

    def _frames(self, spectrum: np.ndarray, samples: np.ndarray, targets: Targets) -> np.ndarray:
        settings = self.settings
        bands = settings.layout(self._sample_rate)
        combed = None
        if self._comb:
            order, look_ahead = settings.comb_order, settings.look_ahead(self._sample_rate)
            starts = self._start + self.hop * np.arange(len(spectrum))
            frames = comb_within(samples, starts, targets.period, self.hop, order=order, look_ahead=look_ahead)
            combed = analyse_frames(frames)
        gains, energy = targets.gains, band_energy(spectrum, bands)
        if self._smooth and len(gains):
            gains, energies = np.vstack([self._gains, gains]), np.vstack([self._energy, energy])
            gains = smooth_gains(gains, energies, self.hop / self._sample_rate)[-len(spectrum) :]
            self._gains, self._energy = gains[-1:], energy[-1:]
        return _enhance(spectrum, energy, combed, gains, targets, bands, self._postfilter)
