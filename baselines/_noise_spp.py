"""Noise power tracked by the speech presence probability with a fixed prior SNR (MMSE-SPP).

References
----------
T. Gerkmann and R. C. Hendriks, "Unbiased MMSE-based noise power estimation with low complexity and low
tracking delay", IEEE Trans. Audio, Speech, Language Process. 20(4), 2012.
"""

import numpy as np

__all__ = ["SppTracker"]

HOP_MS = 10.0
XI_H1 = 10 ** (15 / 10)  # SNR where speech is present, 15 dB
NOISE_SMOOTHING = np.exp(-HOP_MS / 71.7)  # 0.8 at the article's hop of 16 ms
PRESENCE_SMOOTHING = np.exp(-HOP_MS / 152.0)  # 0.9 at the article's hop of 16 ms
PRESENCE_CAP = 0.99  # keeps the estimate from freezing below the noise for ever

START_FRAMES = 10


class SppTracker:
    """Noise power per bin, updated frame by frame.

    The first 100 ms may hold speech, so the estimate starts from the weaker half of the frames seen so far in
    each bin: their mean, divided by what that mean would be for noise of unit power (order statistics of the
    exponential distribution). Frames of digital silence tell nothing about the noise and are passed over.

    In stationary noise the estimate comes to rest 1 dB low, as the article's rule does; we leave it there.

    Parameters
    ----------
    n_bins : int

    Examples
    --------
    >>> tracker = SppTracker(1)
    >>> frames = np.random.default_rng(0).exponential(size=(500, 1))
    >>> estimates = [tracker.update(frame)[0] for frame in frames]
    >>> bool(0.8 < np.mean(estimates[50:]) < 1.2)
    True
    """

    def __init__(self, n_bins: int) -> None:
        self.noise_power = np.zeros(n_bins)
        self._mean_presence = np.full(n_bins, 0.5)
        self._first_frames: list[np.ndarray] = []

    def update(self, power: np.ndarray) -> np.ndarray:
        """Take the power |Y|^2 of the next frame and return the noise power, both of shape (bins,).

        The array returned is not written to again.
        """
        if not power.any():
            return self.noise_power
        if len(self._first_frames) < START_FRAMES:
            self._first_frames.append(power)
            self.noise_power = _start_estimate(self._first_frames)
        else:
            self.noise_power = self._track(power)
        return self.noise_power

    def _track(self, power: np.ndarray) -> np.ndarray:
        # Eq. 18 with equal priors; the exponent is limited where the probability is 1 in any case.
        snr = power / np.maximum(self.noise_power, np.finfo(float).tiny)
        presence = 1 / (1 + (1 + XI_H1) * np.exp(-np.minimum(snr * (XI_H1 / (1 + XI_H1)), 700.0)))
        self._mean_presence = PRESENCE_SMOOTHING * self._mean_presence + (1 - PRESENCE_SMOOTHING) * presence
        presence = np.where(self._mean_presence > PRESENCE_CAP, np.minimum(presence, PRESENCE_CAP), presence)
        # Eq. 22 and 8: the periodogram where speech is absent, the old estimate where it is present.
        estimate = power + presence * (self.noise_power - power)
        return NOISE_SMOOTHING * self.noise_power + (1 - NOISE_SMOOTHING) * estimate


def _start_estimate(frames: list[np.ndarray]) -> np.ndarray:
    # The first frame with sound in it is mostly half empty: drop it as soon as there is another.
    seen = np.sort(frames[1:] or frames, axis=0)
    weaker = (len(seen) + 1) // 2
    # Mean of the i-th smallest of K exponential variables: sum of 1 / (K - j) for j < i.
    expected = np.cumsum(1 / np.arange(len(seen), 0, -1))[:weaker].mean()
    return seen[:weaker].mean(axis=0) / expected
