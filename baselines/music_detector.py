"""Music detector: how likely the last seconds of a signal are music and not speech or noise.

A small network, 15 features of `percepkit.dsp.music` through eight units to one probability every 40 ms,
trained by ``benchmarks/_train_music.py`` on made-up music, four recordings of it, real speech, real noise, and
speech in noise.

Four recordings are little: what the network knows of music is mostly what `percepkit.dsp.music.tune` makes, pieces
with notes that hold still. Expect it to miss percussion alone, rap, dense distorted music and singing without
accompaniment, and to take some tonal noises for music: bells, horns, birds that hold a note.
"""

from functools import lru_cache
from importlib.resources import files

import numpy as np

from percepkit.dsp.music import FEATURES, STEP_SECONDS, WINDOW_SECONDS, features, log_spectrum

__all__ = ["MusicDetector", "Network", "shipped_network"]

MEMORY = 75  # spectra, 3 s
LEAST = 15  # spectra, before which there is no opinion
FOLLOW = 0.05  # share of each new opinion, every 40 ms: 0.8 s
WEIGHTS = "music_detector.csv"


class Network:
    """One hidden layer of tanh units and a logistic output.

    Parameters
    ----------
    table : float64 array, shape (len(FEATURES) + 2, 2 + units)
        A row for each feature: its mean, its scale and its weight to each unit. Then a row of the units' biases
        and one of their weights to the output; the output's bias is the first entry of the last row.
    """

    def __init__(self, table: np.ndarray) -> None:
        if table.ndim != 2 or len(table) != len(FEATURES) + 2 or table.shape[1] < 3:
            raise ValueError(f"expected weights of {len(FEATURES)} features in {len(FEATURES) + 2} rows")
        self.table = table

    def probability(self, values: np.ndarray) -> np.ndarray:
        """Probability of music from features, shape (..., len(FEATURES)) to (...)."""
        n = len(FEATURES)
        scaled = np.clip((values - self.table[:n, 0]) / self.table[:n, 1], -4, 4)
        units = np.tanh(scaled @ self.table[:n, 2:] + self.table[n, 2:])
        return 1 / (1 + np.exp(-(units @ self.table[n + 1, 2:] + self.table[n + 1, 0])))


@lru_cache(maxsize=1)
def shipped_network() -> Network:
    """The network that comes with the package."""
    text = files("percepkit.baselines").joinpath(WEIGHTS).read_text(encoding="utf-8")
    return Network(np.loadtxt(text.splitlines(), delimiter=",", ndmin=2))


class MusicDetector:
    """The detector at work on one channel.

    Parameters
    ----------
    sample_rate : int
        In Hz, at least 8000.
    network : Network, optional
        The shipped one by default.

    Examples
    --------
    >>> t = np.arange(48_000) / 16_000
    >>> chord = sum(np.sin(2 * np.pi * hz * k * t) / k for hz in (220.0, 277.2, 329.6) for k in range(1, 6))
    >>> bool(MusicDetector(16_000).process(chord, hop=160)[-1] > 0.5)
    True
    """

    def __init__(self, sample_rate: int, network: Network | None = None) -> None:
        if sample_rate < 8000:
            raise ValueError(
                f"music is looked for up to 3800 Hz, found a sample rate of {sample_rate} Hz; use 8000"
            )
        self._sample_rate = sample_rate
        self._network = network or shipped_network()
        self._past = np.zeros(round(WINDOW_SECONDS * sample_rate))
        self._spectra: list[np.ndarray] = []
        self._hops = 0
        self._music = 0.0

    def process(self, block: np.ndarray, *, hop: int) -> np.ndarray:
        """Take a whole number of hops; the smoothed probability of music at the end of each.

        Parameters
        ----------
        block : float64 array, shape (hops x hop,)
        hop : int
            Samples, 10 ms.

        Returns
        -------
        float64 array in [0, 1], shape (hops,)
        """
        samples = np.concatenate([self._past, block])
        self._past = samples[len(block) :]
        every = max(round(STEP_SECONDS * self._sample_rate / hop), 1)
        music = np.empty(len(block) // hop)
        for i in range(len(music)):
            self._hops += 1
            if self._hops % every == 0:
                end = len(self._past) + (i + 1) * hop
                self._step(samples[end - len(self._past) : end])
            music[i] = self._music
        return music

    def _step(self, window: np.ndarray) -> None:
        if not window.any():
            return  # digital silence tells nothing
        self._spectra = [*self._spectra[1 - MEMORY :], log_spectrum(window, self._sample_rate)]
        if len(self._spectra) >= LEAST:
            opinion = float(self._network.probability(features(np.array(self._spectra))))
            self._music += FOLLOW * (opinion - self._music)
