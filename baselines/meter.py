"""What a denoiser does while it runs: levels in and out, attenuation, and how fast it is."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["Meter", "OnBlock", "Reading"]

#: Called with noisy block, enhanced block, sample rate in Hz, and seconds of work; blocks of shape (n_samples,) or
#: (n_samples, channels).
OnBlock = Callable[[np.ndarray, np.ndarray, int, float], None]

BALLISTICS_SECONDS = 0.4  # of the levels, as of a momentary loudness
SILENCE_DB = -120.0


@dataclass(frozen=True)
class Reading:
    """What a meter shows.

    Attributes
    ----------
    seconds : float
        Audio so far.
    input_db, output_db : float
        Levels of the last 0.4 s, dB re a full-scale square wave, -120 for silence.
    attenuation_db : float
        Energy of all the input over that of all the output, in dB; 0 while there is none.
    real_time_factor : float
        Seconds of work for a second of audio; above 1 the denoiser cannot keep up.
    """

    seconds: float
    input_db: float
    output_db: float
    attenuation_db: float
    real_time_factor: float


class Meter:
    """Adds up blocks; ``reading`` tells where the needles stand.

    Examples
    --------
    >>> meter = Meter()
    >>> meter(np.full(16_000, 0.5), np.full(16_000, 0.05), 16_000, 0.25)
    >>> round(meter.reading.attenuation_db, 1), round(meter.reading.input_db, 1), meter.reading.real_time_factor
    (20.0, -6.4, 0.25)
    """

    def __init__(self) -> None:
        self._seconds = self._work = 0.0
        self._energies = np.zeros(2)  # of all input, of all output
        self._powers = np.zeros(2)  # smoothed

    def __call__(self, noisy: np.ndarray, enhanced: np.ndarray, sample_rate: int, work_seconds: float) -> None:
        """Take a block that was enhanced in ``work_seconds``."""
        seconds = len(noisy) / sample_rate
        self._seconds += seconds
        self._work += work_seconds
        energies = np.array([float(np.square(x, dtype=np.float64).sum()) for x in (noisy, enhanced)])
        self._energies += energies
        if noisy.size:
            kept = math.exp(-seconds / BALLISTICS_SECONDS)
            self._powers = kept * self._powers + (1 - kept) * energies / noisy.size

    @property
    def reading(self) -> Reading:
        """The needles now."""
        input_db, output_db = (10 * math.log10(max(power, 10 ** (SILENCE_DB / 10))) for power in self._powers)
        heard, made = self._energies
        attenuation_db = 10 * math.log10(heard / made) if heard > 0 and made > 0 else 0.0
        factor = self._work / self._seconds if self._seconds else 0.0
        return Reading(self._seconds, input_db, output_db, attenuation_db, factor)
