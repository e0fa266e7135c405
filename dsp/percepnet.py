"""The ideal targets of PercepNet: ERB gains, comb-filter strengths and the pitch they belong to.

References
----------
J.-M. Valin et al., "A perceptually-motivated approach for low-complexity, real-time enhancement of fullband
speech", Interspeech 2020.
"""

from dataclasses import dataclass
from typing import ClassVar, get_args

import numpy as np

from percepkit.dsp.comb import COMB_ORDER, comb_margin, comb_within, noise_gains
from percepkit.dsp.erb import Bands, band_energy, layout
from percepkit.dsp.pitch import track_pitch
from percepkit.dsp.stft import analyse_frames, split_frames
from percepkit.dsp.strength import StrengthRule, measure_coherences, solve_strength
from percepkit.dsp.validity import Damage, Invalid, silence_floor

__all__ = ["Settings", "Targets", "compute_targets", "ideal_gains"]

BLOCK_FRAMES = 128  # whose spectra stay in the processor's cache


@dataclass(frozen=True)
class Settings:
    """How targets are computed, and so how they must be applied.

    Parameters
    ----------
    bands : {"rnnoise", "erb-rate", "rectangular"}
        Layout of the bands, see `percepkit.dsp.erb.layout`.
    n_bands : int, optional
        Of the layouts other than "rnnoise".
    frame_seconds : float
        Frames overlap by half.
    comb_order : int
        Periods to each side that the comb filter averages over.
    look_ahead_frames : int, optional
        Hops after the end of a frame that a causal system may wait for; unlimited by default.
    strength : {"exact", "published", "white-noise"}
        Rule of the comb strengths, see `percepkit.dsp.strength.solve_strength`.

    Examples
    --------
    >>> Settings(frame_seconds=0.03).hop(16_000), len(Settings(bands="rectangular").layout(16_000))
    (240, 32)
    """

    bands: str = "rnnoise"
    n_bands: int | None = None
    frame_seconds: float = 0.02
    comb_order: int = COMB_ORDER
    look_ahead_frames: int | None = None
    strength: StrengthRule = "exact"

    __pydantic_config__: ClassVar = {"extra": "forbid"}  # recipes hold settings, and check their keys

    def __post_init__(self) -> None:
        """Check the values."""
        if not 0.002 <= self.frame_seconds <= 0.2:
            raise ValueError(f"frame_seconds is {self.frame_seconds}; frames last from 0.002 to 0.2 s")
        if self.comb_order < 1:
            raise ValueError(
                f"comb_order is {self.comb_order}; a comb filter needs at least 1 period to each side"
            )
        if self.look_ahead_frames is not None and self.look_ahead_frames < 0:
            raise ValueError(f"look_ahead_frames is {self.look_ahead_frames}; use 0 for none")
        if self.strength not in get_args(StrengthRule):
            raise ValueError(
                f"no rule is called {self.strength!r}; choose from {', '.join(get_args(StrengthRule))}"
            )
        layout(48_000, self.bands, n_bands=self.n_bands)

    def hop(self, sample_rate: int) -> int:
        """Samples between frames, rounded half up."""
        return int(self.frame_seconds * sample_rate / 2 + 0.5)

    def layout(self, sample_rate: int) -> Bands:
        """Bands at a sample rate."""
        return layout(sample_rate, self.bands, n_bands=self.n_bands, hop=self.hop(sample_rate))

    def look_ahead(self, sample_rate: int) -> int | None:
        """Samples after the end of a frame that its comb filter may use."""
        frames = self.look_ahead_frames
        return None if frames is None else frames * self.hop(sample_rate)


@dataclass(frozen=True, eq=False)
class Targets:
    """Targets of one item, oracle or predicted.

    Attributes
    ----------
    gains : float array in [0, 1], shape (frames, bands)
        g_b = ||x_b|| / ||y_b||, at most 1.
    strengths : float array in [0, 1], shape (frames, bands)
        r_b, share of the comb-filtered signal.
    attenuation : float array in (0, 1], shape (frames, bands)
        g_att; a network learns its product with ``gains``.
    period : float array, shape (frames,)
        Pitch period in samples, 0 for unvoiced frames.
    settings : Settings
    flags : uint8 array, shape (frames, bands), optional
        Sums of `percepkit.dsp.validity.Invalid`; without it all is valid.
    """

    gains: np.ndarray
    strengths: np.ndarray
    attenuation: np.ndarray
    period: np.ndarray
    settings: Settings = Settings()
    flags: np.ndarray | None = None

    @property
    def gains_valid(self) -> np.ndarray:
        """Where the gains mean something; bool array, shape (frames, bands)."""
        flags = np.zeros(self.gains.shape, np.uint8) if self.flags is None else self.flags
        return (flags & ~np.uint8(Invalid.UNVOICED)) == 0

    @property
    def strengths_valid(self) -> np.ndarray:
        """Where the strengths and the attenuation mean something; bool array, shape (frames, bands)."""
        return np.ones(self.gains.shape, bool) if self.flags is None else self.flags == 0


def ideal_gains(clean: np.ndarray, noisy: np.ndarray, bands: Bands) -> tuple[np.ndarray, np.ndarray]:
    """Ideal band gains g_b = ||x_b|| / ||y_b||, clipped to [0, 1].

    Parameters
    ----------
    clean, noisy : complex array, shape (frames, bins)
        Spectra by `percepkit.dsp.stft.analyse`.
    bands : Bands

    Returns
    -------
    gains : float64 array, shape (frames, bands)
        0 where the noisy band is silent or lies above the Nyquist frequency.
    silent : bool array, shape (frames, bands)

    Examples
    --------
    >>> noisy = np.ones((1, 161), dtype=complex)
    >>> gains, silent = ideal_gains(0.5 * noisy, noisy, layout(16_000))
    >>> float(gains[0, 3]), bool(silent[0, 3]), bool(silent[0, 26])
    (0.5, False, True)
    """
    wanted, present = band_energy(clean, bands), band_energy(noisy, bands)
    silent = present <= silence_floor(bands.n_bins, clean.shape[1] - 1)
    ratio = np.divide(wanted, present, out=np.zeros_like(wanted), where=~silent)
    return np.sqrt(np.minimum(ratio, 1.0)), silent


def compute_targets(
    clean: np.ndarray,
    noisy: np.ndarray,
    sample_rate: int,
    *,
    settings: Settings = Settings(),
    damage: Damage | None = None,
) -> Targets:
    """Ideal gains, strengths and attenuation of one item.

    Parameters
    ----------
    clean, noisy : float array, shape (n_samples,)
        What a denoiser should output, and what it gets, time-aligned.
    sample_rate : int
        In Hz, at least 8000.
    settings : Settings
    damage : Damage, optional
        What is known to be wrong with the clean recording.

    Returns
    -------
    Targets
        In the precision of ``noisy``; ``period`` in float64.
    """
    if not (np.issubdtype(clean.dtype, np.floating) and np.issubdtype(noisy.dtype, np.floating)):
        raise ValueError(
            f"expected float samples, full scale 1, found {clean.dtype} and {noisy.dtype}; convert them"
        )
    if clean.shape != noisy.shape:
        raise ValueError(f"clean has shape {clean.shape} and noisy {noisy.shape}; they must be equal and aligned")
    hop, bands = settings.hop(sample_rate), settings.layout(sample_rate)
    period = track_pitch(clean, sample_rate, hop=hop)
    margin = comb_margin(float(period.max(initial=0.0)), settings.comb_order)
    end = margin + (len(period) + 1) * hop
    signals = [np.pad(s, (margin + hop, end - hop - len(s))) for s in (clean, noisy)]
    blocks = [
        _block_targets(signals, margin + first * hop, period[first : first + BLOCK_FRAMES], sample_rate, settings)
        for first in range(0, len(period), BLOCK_FRAMES)
    ]
    gains, strengths, attenuation, flags = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    if damage is not None:
        flags |= damage.flags(len(clean), hop, bands.centre_hz)
    gains, strengths, attenuation = (v.astype(noisy.dtype, copy=False) for v in (gains, strengths, attenuation))
    return Targets(gains, strengths, attenuation, period, settings, flags)


def _block_targets(
    signals: list[np.ndarray], start: int, period: np.ndarray, sample_rate: int, settings: Settings
) -> tuple[np.ndarray, ...]:
    """Gains, strengths, attenuation and flags of the frames from sample ``start`` on, one for each period.

    In double precision: what single precision leaves of a band 60 dB below the frame is off by 1e-4.
    """
    hop, bands = settings.hop(sample_rate), settings.layout(sample_rate)
    order, look_ahead = settings.comb_order, settings.look_ahead(sample_rate)
    stop = start + (len(period) + 1) * hop
    x, y = (analyse_frames(split_frames(s[start:stop].astype(np.float64), hop)) for s in signals)
    gains, silent = ideal_gains(x, y, bands)
    strengths, attenuation, flags = np.zeros_like(gains), np.ones_like(gains), np.zeros(gains.shape, np.uint8)
    voiced = np.flatnonzero(period)
    periodic, combed = (
        analyse_frames(
            comb_within(s, start + voiced * hop, period[voiced], hop, order=order, look_ahead=look_ahead)
        )
        for s in signals
    )
    coherences = measure_coherences(x[voiced], y[voiced], periodic, combed, bands)
    spread = noise_gains(period[voiced], order=order, look_ahead=look_ahead)
    strengths[voiced], attenuation[voiced] = solve_strength(coherences, spread, rule=settings.strength)
    flags[silent & bands.mask] = Invalid.SILENT
    flags[:, ~bands.mask] = Invalid.ABOVE_NYQUIST
    comparable = np.zeros(gains.shape, bool)
    comparable[voiced] = coherences.valid
    flags[~comparable] |= np.uint8(Invalid.UNVOICED)
    return gains, strengths, attenuation, flags
