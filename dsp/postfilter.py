"""What is done to band gains before they are applied: PercepNet's envelope post-filter and a limit on decay.

The post-filter deepens the valleys between bands and restores the loudness lost by it.

References
----------
J.-M. Valin et al., Interspeech 2020 (PercepNet), section 5: beta = 0.02. The decay is RNNoise v0.2's: 0.6 a hop.
"""

import numba
import numpy as np

__all__ = ["envelope_postfilter", "smooth_gains"]

BETA = 0.02
DECAY, DECAY_SECONDS = 0.6, 0.01  # 60 dB in 135 ms


def envelope_postfilter(gains: np.ndarray, energy: np.ndarray, *, beta: float = BETA) -> np.ndarray:
    """Sharpen band gains.

    Parameters
    ----------
    gains : float array in [0, 1], shape (frames, bands)
    energy : float array, shape (frames, bands)
        Band energies of the noisy signal, before any gain.
    beta : float
        Bounds the make-up gain: at most sqrt((1 + beta) / (2 sqrt(beta))), 5.6 dB for 0.02.

    Returns
    -------
    float array, shape (frames, bands)
        May exceed 1 and must not be clipped.

    Notes
    -----
    It is meant for gains that a network over-estimates; with oracle gains it costs PESQ.

    Examples
    --------
    >>> envelope_postfilter(np.ones((1, 2)), np.ones((1, 2))).round(3).tolist()
    [[1.0, 1.0]]
    """
    warped = gains * np.sin(np.pi / 2 * gains)
    before = np.sum(gains**2 * energy, axis=1)
    after = np.sum(warped**2 * energy, axis=1)
    ratio = np.divide(before, after, out=np.ones_like(before), where=after > 0)
    makeup = np.sqrt((1 + beta) * ratio / (1 + beta * ratio**2))
    return makeup[:, None] * warped


def smooth_gains(gains: np.ndarray, energy: np.ndarray, hop_seconds: float) -> np.ndarray:
    """Keep what a band puts out from falling faster than a short room response, 60 dB in 135 ms.

    Parameters
    ----------
    gains : float array, shape (frames, bands)
    energy : float array, shape (frames, bands)
        Band energies of the noisy signal, before any gain.
    hop_seconds : float
        Time between frames.

    Returns
    -------
    array of the dtype of ``gains``, shape (frames, bands)
        Never below ``gains``. Where the noisy band becomes louder the limit falls by as much, so that a transient
        after speech does not get through.

    Examples
    --------
    >>> smooth_gains(np.array([[1.0], [0.0], [0.0]]), np.ones((3, 1)), 0.01).round(2).tolist()
    [[1.0], [0.6], [0.36]]
    """
    out = gains.copy()
    _limit_decay(out, energy, DECAY ** (hop_seconds / DECAY_SECONDS))
    return out


@numba.njit(cache=True, nogil=True)
def _limit_decay(gains: np.ndarray, energy: np.ndarray, decay: float) -> None:
    for frame in range(1, gains.shape[0]):
        for band in range(gains.shape[1]):
            now, before = energy[frame, band], energy[frame - 1, band]
            if now > 0:
                floor = decay * min(1.0, gains[frame - 1, band] * (np.sqrt(before) / np.sqrt(now)))
                gains[frame, band] = max(gains[frame, band], floor)
