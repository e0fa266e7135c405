"""Tests on paired differences whose items come in clusters, and what they could have shown.

References
----------
.. [1] I. A. Canay, J. P. Romano, A. M. Shaikh, "Randomization tests under an approximate symmetry assumption",
   Econometrica 85(3), 2017: the signs of whole clusters are flipped.
.. [2] B. Phipson, G. K. Smyth, "Permutation p-values should never be zero", Statistical Applications in Genetics
   and Molecular Biology 9(1), 2010.
.. [3] S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6(2),
   1979.
.. [4] D. J. Schuirmann, "A comparison of the two one-sided tests procedure and the power approach", Journal of
   Pharmacokinetics and Biopharmaceutics 15(6), 1987.
"""

import numpy as np
from scipy.special import stdtr, stdtrit
from scipy.stats import wilcoxon

from percepkit.dsp import draws
from percepkit.eval.bootstrap import FEW_CLUSTERS, free_dimensions

__all__ = [
    "clusters_needed", "detectable_difference", "enough_clusters", "equivalence_p", "holm", "sign_flip_p",
    "wilcoxon_p",
]  # fmt: skip

_EXACT_CLUSTERS = 14  # up to here all 2^14 patterns of signs are tried
_FLIPS = 9999
_MOST_CLUSTERS = 10**9  # whoever needs more can count on finding nothing
_BLOCK = 4_000_000  # signs held in memory at once
_ROUNDING = 1e-12


def enough_clusters(units: np.ndarray) -> bool:
    """Whether every dimension of clusters (beside fixed ones) has the 8 that a test needs.

    Parameters
    ----------
    units : int array, shape (n, n_dimensions)

    Examples
    --------
    >>> enough_clusters(np.arange(8)[:, None]), enough_clusters(np.arange(7)[:, None])
    (True, False)
    """
    return len(units) > 0 and min(len(np.unique(column)) for column in free_dimensions(units).T) >= FEW_CLUSTERS


def sign_flip_p(differences: np.ndarray, units: np.ndarray, *, key: int) -> float:
    """Two-sided p of the null that differences are symmetric about zero, by flipping signs of clusters [1]_.

    Parameters
    ----------
    differences : float array, shape (n,)
        Without NaN.
    units : int array, shape (n, n_dimensions)
        Cluster of each item; with several dimensions each is tested and the largest p is given, which is valid
        whichever of them makes the items alike.
    key : int
        Of the random signs, drawn 9999 times [2]_ where there are more than 14 clusters; with fewer all patterns
        are tried and p is exact.

    Returns
    -------
    float
        NaN if there are too few clusters, see `enough_clusters`.

    Examples
    --------
    >>> sign_flip_p(np.arange(1.0, 11), np.arange(10)[:, None], key=1) == 2 / 2**10
    True
    """
    if not enough_clusters(units):
        return float("nan")
    return max(_flip_p(_sums(differences, column), key) for column in free_dimensions(units).T)


def wilcoxon_p(differences: np.ndarray, units: np.ndarray) -> float:
    """Two-sided p of Wilcoxon's signed-rank test on the mean difference of each cluster.

    Parameters
    ----------
    differences, units
        As for `sign_flip_p`, and so is what is given.

    Examples
    --------
    >>> wilcoxon_p(np.arange(1.0, 9), np.arange(8)[:, None])
    0.0078125
    """
    if not enough_clusters(units):
        return float("nan")
    found = []
    for column in free_dimensions(units).T:
        means = _sums(differences, column) / np.unique(column, return_counts=True)[1]
        found.append(float(wilcoxon(means).pvalue) if means.any() else 1.0)
    return max(found)


def holm(p: np.ndarray) -> np.ndarray:
    """Correct p-values for the size of their family [3]_.

    Parameters
    ----------
    p : float array, shape (n,)
        NaN marks a test that was impossible; it is no member of the family.

    Returns
    -------
    float array, shape (n,)

    Examples
    --------
    >>> [round(float(p), 3) for p in holm(np.array([0.01, 0.04, np.nan, 0.03]))]
    [0.03, 0.06, nan, 0.06]
    """
    p = np.asarray(p, dtype=np.float64)
    corrected, present = np.full(len(p), np.nan), np.flatnonzero(~np.isnan(p))
    order = present[np.argsort(p[present], kind="stable")]
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)))
    return corrected


def equivalence_p(difference: float, error: float, *, margin: float, freedom: int) -> float:
    """P-value of the null that the true difference is at least ``margin`` either way: two one-sided t-tests [4]_.

    Parameters
    ----------
    difference, error : float
        Mean difference and its standard error.
    margin : float
        Positive; a difference below it is of no importance.
    freedom : int
        Degrees of freedom, the number of clusters less one.

    Returns
    -------
    float
        A small one says that the two are equivalent within the margin. NaN without an error.

    Examples
    --------
    >>> round(equivalence_p(0.0, 1.0, margin=2.228139, freedom=10), 4)
    0.025
    """
    if not margin > 0:
        raise ValueError(f"the margin of equivalence must be above 0, got {margin}")
    if np.isnan(error) or freedom < 1:
        return float("nan")
    if error == 0:
        return 0.0 if abs(difference) < margin else 1.0
    return float(stdtr(freedom, (abs(difference) - margin) / error))


def detectable_difference(error: float, *, freedom: int, power: float = 0.8, alpha: float = 0.05) -> float:
    """Smallest true difference that a two-sided test at ``alpha`` would find with the given power.

    Parameters
    ----------
    error : float
        Standard error of the mean difference.
    freedom : int
        Degrees of freedom, the number of clusters less one.

    Returns
    -------
    float
        ``error (t(1 - alpha / 2) + t(power))``; NaN without an error.

    Examples
    --------
    >>> round(detectable_difference(1.0, freedom=10**6), 3)
    2.802
    """
    if np.isnan(error) or freedom < 1:
        return float("nan")
    return float(error * (stdtrit(freedom, 1 - alpha / 2) + stdtrit(freedom, power)))


def clusters_needed(
    difference: float, error: float, *, freedom: int, power: float = 0.8, alpha: float = 0.05
) -> float:
    """Clusters that a two-sided test at ``alpha`` would need to find a true difference with the given power.

    The inverse of `detectable_difference`: more clusters of the same kind lower the standard error by the root of
    their number, and free the bounds of t.

    Parameters
    ----------
    difference : float
        To be found; its sign does not matter.
    error : float
        Standard error of the mean difference with the clusters at hand.
    freedom : int
        Degrees of freedom, the number of clusters at hand less one.

    Returns
    -------
    float
        A whole number, at least the 8 that a test needs here; infinite for no difference, NaN without an error.

    Examples
    --------
    >>> clusters_needed(0.5, 0.1, freedom=99)  # a paired t-test, effect size 0.5
    34.0
    """
    if np.isnan(error) or np.isnan(difference) or freedom < 1:
        return float("nan")
    if error == 0 and difference != 0:
        return float(FEW_CLUSTERS)
    spread = error * np.sqrt(freedom + 1)

    def found(clusters: int) -> bool:
        own = detectable_difference(spread / np.sqrt(clusters), freedom=clusters - 1, power=power, alpha=alpha)
        return bool(own <= abs(difference) * (1 + _ROUNDING))

    high = FEW_CLUSTERS
    while not found(high):
        high *= 2
        if high > _MOST_CLUSTERS:
            return float("inf")
    low = high // 2  # too few, or too few for any test
    while high - low > 1 and high > FEW_CLUSTERS:
        middle = (low + high) // 2
        low, high = (low, middle) if found(middle) else (middle, high)
    return float(high)


def _sums(differences: np.ndarray, column: np.ndarray) -> np.ndarray:
    return np.bincount(np.unique(column, return_inverse=True)[1], weights=differences)


def _flip_p(sums: np.ndarray, key: int) -> float:
    if len(sums) <= _EXACT_CLUSTERS:
        patterns = np.arange(2 ** (len(sums) - 1))[:, None] >> np.arange(len(sums)) & 1  # one sign may stay
        return _at_least(patterns, sums) / len(patterns)
    n_words, per_block, count = -(-len(sums) // 64), max(1, _BLOCK // len(sums)), 0
    for first in range(0, _FLIPS, per_block):
        rows = min(per_block, _FLIPS - first)
        raw = draws.words(key, first * n_words, rows * n_words)[:, 0].copy().view(np.uint8)
        bits = np.unpackbits(raw.reshape(rows, 8 * n_words), axis=1)[:, : len(sums)]
        count += _at_least(bits, sums)
    return (count + 1) / (_FLIPS + 1)


def _at_least(bits: np.ndarray, sums: np.ndarray) -> int:
    """How many patterns of signs make the total as large as it is."""
    totals = np.abs((1.0 - 2.0 * bits) @ sums)
    return int(np.sum(totals >= abs(sums.sum()) - _ROUNDING * np.abs(sums).sum()))
