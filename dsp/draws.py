"""Counter-based random draws: any item's draw can be repeated alone, in any order, on any machine.

The raw words come from NumPy's Philox4x64-10 bit generator, whose stream NumPy guarantees (NEP 19);
the transforms to uniform and normal are our own, because NumPy does not freeze those of ``Generator``.

References
----------
J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

from hashlib import blake2b

import numpy as np
from scipy.special import ndtri

__all__ = ["key_of", "normal", "normal_samples", "uniform", "words"]


def key_of(*parts: str | int) -> int:
    """Hash the parts of a key (seed, split, stage, ...) into a 128-bit Philox key.

    Examples
    --------
    >>> key_of(1, "train", "snr") == key_of(1, "train", "snr")
    True
    >>> key_of(1, "train", "snr") == key_of("1", "train", "snr")
    False
    """
    digest = blake2b(digest_size=16)
    for part in parts:
        encoded = f"{type(part).__name__}:{part}".encode()
        digest.update(len(encoded).to_bytes(4, "little") + encoded)
    return int.from_bytes(digest.digest(), "little")


def words(key: int, first: int, count: int) -> np.ndarray:
    """Raw draws of the items ``first`` to ``first + count - 1``.

    Parameters
    ----------
    key : int
        128-bit key, see `key_of`.
    first, count : int
        First item and number of items.

    Returns
    -------
    uint64 array, shape (count, 4)
        Four independent words per item; row i depends on ``key`` and ``first + i`` only.

    Examples
    --------
    >>> bool((words(7, 0, 10)[4:6] == words(7, 4, 2)).all())
    True
    """
    generator = np.random.Philox(key=key, counter=first)
    return generator.random_raw(4 * count).reshape(count, 4)


def uniform(raw: np.ndarray) -> np.ndarray:
    """Map raw words to uniform draws in the open interval (0, 1), 52 bits each."""
    return ((raw >> np.uint64(12)) + 0.5) * 2.0**-52


def normal(raw: np.ndarray) -> np.ndarray:
    """Map raw words to standard normal draws by the inverse distribution function."""
    return ndtri(uniform(raw))


def normal_samples(key: int, n_samples: int) -> np.ndarray:
    """White Gaussian noise of unit variance.

    Returns
    -------
    float64 array, shape (n_samples,)

    Examples
    --------
    >>> bool(abs(normal_samples(key_of("doc"), 10_000).std() - 1) < 0.03)
    True
    """
    return normal(np.random.Philox(key=key).random_raw(n_samples))
