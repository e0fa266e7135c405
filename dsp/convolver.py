"""Convolution of many signals with the same few filters."""

from collections.abc import Sequence

import numpy as np
import scipy.fft

__all__ = ["Convolver"]

LANES = 4  # signals that the FFT takes at once: with other numbers of blocks some go one by one, up to 3x slower
BLOCK = 10  # new samples of a block in filter lengths, at most


class Convolver:
    """Convolves signals with fixed filters by overlap-save; the filters' spectra are computed once.

    Parameters
    ----------
    filters : sequence of float arrays, shapes (n_taps,)
        All are applied to each signal, whose spectrum is computed once.
    n_samples : int
        Length of the signals to come; others work as well, but less quickly.

    Examples
    --------
    >>> [delayed] = Convolver([np.array([0, 0, 1.0])], 4)(np.array([1, 2, 3, 4], np.float32))
    >>> delayed.round(4).tolist()
    [0.0, 0.0, 1.0, 2.0]
    """

    def __init__(self, filters: Sequence[np.ndarray], n_samples: int) -> None:
        n_taps = max(len(h) for h in filters)
        self._overlap = n_taps - 1
        n_blocks = LANES * -(-n_samples // (LANES * BLOCK * n_taps))
        self._n_fft = scipy.fft.next_fast_len(-(-n_samples // n_blocks) + self._overlap, real=True)
        self._spectra = [scipy.fft.rfft(h, self._n_fft).astype(np.complex64) for h in filters]

    def __call__(self, x: np.ndarray) -> list[np.ndarray]:
        """Convolve ``x``, float32 of shape (n,); each result has the first n samples."""
        step = self._n_fft - self._overlap
        n_blocks = -(-len(x) // step)
        padded = np.zeros(self._overlap + n_blocks * step, np.float32)
        padded[self._overlap : self._overlap + len(x)] = x
        spectra = scipy.fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, self._n_fft)[::step])
        return [
            scipy.fft.irfft(spectra * h, self._n_fft)[:, self._overlap :].reshape(-1)[: len(x)]
            for h in self._spectra
        ]
