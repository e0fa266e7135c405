"""What a noise is like in time: steady, changing, or made of bursts."""

from typing import Literal

import numpy as np

__all__ = ["Character", "character_of_noise"]

Character = Literal["stationary", "non-stationary", "transient"]

_FRAME_SECONDS = 0.02
_SLOW_FRAMES = 10  # 0.2 s
_N_BANDS = 8
_BURST_SHARE = 0.5  # of the energy in the loudest tenth of the frames
_STEADY_DB = 1.5  # standard deviation of the level in a band
_FLOOR = 1e-4  # of the mean power of a band: -40 dB


def character_of_noise(noise: np.ndarray, sample_rate: int) -> Character:
    """Tell the character of a noise by how its energy lies in time.

    Parameters
    ----------
    noise : float array, shape (n_samples,)
        At least 1 s.
    sample_rate : int
        Hz.

    Returns
    -------
    {"stationary", "non-stationary", "transient"}
        ``transient`` if a tenth of the 20 ms frames holds over half of the energy; else ``stationary`` if the
        levels of eight bands, averaged over 0.2 s, have a standard deviation of at most 1.5 dB, the mean over the
        bands being weighted by their energy. The limits are ours: white, pink, brown and speech-shaped noise, fans
        and waterfalls lie below, sirens, traffic and kitchens above.

    Raises
    ------
    ValueError
        For a noise that is shorter, silent, or not one channel.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal(32_000)
    >>> character_of_noise(noise, 16_000)
    'stationary'
    >>> character_of_noise(noise * (np.arange(32_000) % 8000 < 400), 16_000)
    'transient'
    """
    noise = np.asarray(noise, dtype=np.float64)
    n_samples = round(_FRAME_SECONDS * sample_rate)
    n_frames = len(noise) // (n_samples * _SLOW_FRAMES) * _SLOW_FRAMES if noise.ndim == 1 else 0
    if n_frames < 5 * _SLOW_FRAMES or not noise.any():
        raise ValueError(f"expected one channel of at least 1 s that is not silent, got the shape {noise.shape}")
    power = np.abs(np.fft.rfft(noise[: n_frames * n_samples].reshape(n_frames, n_samples), axis=1)) ** 2
    energy = np.sort(power.sum(axis=1))[::-1]
    if energy[: n_frames // 10].sum() > _BURST_SHARE * energy.sum():
        return "transient"
    edges = np.unique(np.geomspace(1, n_samples // 2, _N_BANDS + 1).astype(int))[:-1]
    bands = np.add.reduceat(power, edges, axis=1).reshape(-1, _SLOW_FRAMES, len(edges)).mean(axis=1)
    weight = bands.mean(axis=0)
    spread_db = np.std(10 * np.log10(bands + _FLOOR * weight + np.finfo(float).tiny), axis=0)
    return "stationary" if np.average(spread_db, weights=weight) <= _STEADY_DB else "non-stationary"
