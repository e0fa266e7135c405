"""The two SNRs that gain laws go by, one bin at a time, called from compiled code.

References
----------
Y. Ephraim and D. Malah, "Speech enhancement using a minimum mean-square error short-time spectral amplitude
estimator", IEEE Trans. Acoust., Speech, Signal Process. 32(6), 1984.
"""

import numba

__all__ = ["NOISE_MIN", "SNR_MAX", "a_posteriori_snr", "a_priori_snr"]

NOISE_MIN = 1e-100  # power below any sound; ratios to it stay finite
SNR_MAX = 1e10  # 100 dB: beyond it no gain changes, and nothing overflows


@numba.njit(cache=True, nogil=True)
def a_posteriori_snr(power: float, noise: float) -> float:
    """Gamma: power over noise power, at most 100 dB."""
    return min(power / max(noise, NOISE_MIN), SNR_MAX)


@numba.njit(cache=True, nogil=True)
def a_priori_snr(gamma: float, clean: float, noise: float, smoothing: float, lowest: float) -> float:
    """Decision-directed xi (Ephraim and Malah 1984, eq. 51).

    Parameters
    ----------
    gamma : float
        A-posteriori SNR.
    clean, noise : float
        Power that the last frame's gain let through; noise power now.
    smoothing : float
        Weight of the last frame.
    lowest : float
        Least value.

    Examples
    --------
    >>> round(a_priori_snr(3.0, 4.0, 2.0, 0.9, 0.01), 3)
    2.0
    """
    xi = smoothing * clean / max(noise, NOISE_MIN) + (1 - smoothing) * max(gamma - 1, 0.0)
    return min(max(xi, lowest), SNR_MAX)
