"""PercepNet's envelope post-filter: deepens the valleys between bands and restores the loudness lost by it.

References
----------
J.-M. Valin et al., Interspeech 2020 (PercepNet), section 5: beta = 0.02.
"""

import numpy as np

__all__ = ["envelope_postfilter"]

BETA = 0.02


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
