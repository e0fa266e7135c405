"""Bootstrap intervals of means, and of functions of means, over clusters that may be crossed.

Every item belongs to one cluster in each of one or more dimensions (speaker, noise, room). With one dimension
clusters are drawn with replacement. With several, each dimension is drawn by itself and an item counts as often
as the product of how often its clusters were drawn: the pigeonhole bootstrap [2]_. That overstates what items
vary by beyond their clusters, threefold in two dimensions and sevenfold in three. So the spread of the resamples
is set to the multiway variance: by inclusion and exclusion over the sets of dimensions [3]_, of the variances that
leaving out one cluster at a time gives [4]_, and at least the largest of any one dimension. The bounds are BCa
[1]_; with about ten clusters they are too narrow still, and cover about 0.9 where 0.95 is asked for.

With fewer than `FEW_CLUSTERS` in a dimension a bootstrap has too little to draw from: then the bounds are those of
Student's t with as many degrees of freedom as the smallest dimension has clusters, less one, from the same
variance [3]_. A dimension with a single cluster beside others is fixed: the interval speaks for that cluster only.

References
----------
.. [1] B. Efron, "Better bootstrap confidence intervals", JASA 82(397), 1987; B. Efron, R. J. Tibshirani,
   "An Introduction to the Bootstrap", 1993, equations 14.9 and 14.15.
.. [2] A. B. Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1(2), 2007.
.. [3] A. C. Cameron, J. B. Gelbach, D. L. Miller, "Robust inference with multiway clustering", Journal of Business
   & Economic Statistics 29(2), 2011.
.. [4] J. G. MacKinnon, M. O. Nielsen, M. D. Webb, "Cluster-robust inference: a guide to empirical practice",
   Journal of Econometrics 232(2), 2023.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

from percepkit.dsp import draws

__all__ = [
    "FEW_CLUSTERS", "Estimate", "Resamples", "columns_by_gaps", "estimate", "free_dimensions", "mean_bounds",
    "resample",
]  # fmt: skip

FEW_CLUSTERS = 8
_RESAMPLES = 4000
_BLOCK = 2_000_000  # resampled units held in memory at once
_ROUNDING = 1e-12  # a spread below this share of the values is rounding

Statistic = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Resamples:
    """Means of the data, of its resamples, and of the data without one cluster.

    Attributes
    ----------
    mean : float array, shape (k,)
    drawn : float array, shape (n_resamples, k)
    left_out : tuple of float arrays, each of shape (n_clusters, k)
        For every set of dimensions, single ones first; the clusters of a set share all its dimensions.
    n_dimensions : tuple of int
        Dimensions in each set.
    n_clusters : tuple of int
        Clusters in each dimension.
    """

    mean: np.ndarray
    drawn: np.ndarray
    left_out: tuple[np.ndarray, ...]
    n_dimensions: tuple[int, ...]
    n_clusters: tuple[int, ...]


@dataclass(frozen=True)
class Estimate:
    """A statistic with its bounds and standard error, each of shape (m,), and the degrees of freedom."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    error: np.ndarray
    freedom: int


def free_dimensions(units: np.ndarray) -> np.ndarray:
    """Drop dimensions that hold a single cluster, unless that leaves none.

    Examples
    --------
    >>> free_dimensions(np.array([[0, 5], [1, 5]])).tolist()
    [[0], [1]]
    """
    free = [column for column in range(units.shape[1]) if len(np.unique(units[:, column])) > 1]
    return units[:, free] if free else units[:, :1]


def resample(values: np.ndarray, units: np.ndarray, *, key: int) -> Resamples:
    """Draw resamples of the items, cluster by cluster.

    Parameters
    ----------
    values : float array, shape (n, k)
        Without NaN.
    units : int array, shape (n, n_dimensions)
        Cluster of each item in each dimension, see `percepkit.eval.clusters.cluster_codes`.
    key : int
        Of the random draws, see `percepkit.dsp.draws.key_of`.

    Returns
    -------
    Resamples
    """
    cells, cell = np.unique(free_dimensions(units), axis=0, return_inverse=True)
    sums = np.zeros((len(cells), values.shape[1]))
    np.add.at(sums, cell.ravel(), values)
    counts = np.bincount(cell.ravel()).astype(np.float64)
    codes = [np.unique(column, return_inverse=True)[1] for column in cells.T]
    sets = [chosen for size in range(1, len(codes) + 1) for chosen in combinations(range(len(codes)), size)]
    return Resamples(
        mean=sums.sum(axis=0) / counts.sum(),
        drawn=_drawn_means(sums, counts, codes, key),
        left_out=tuple(_left_out(sums, counts, cells[:, chosen]) for chosen in sets),
        n_dimensions=tuple(len(chosen) for chosen in sets),
        n_clusters=tuple(int(code.max()) + 1 for code in codes),
    )


def estimate(resamples: Resamples, statistic: Statistic | None = None, *, confidence: float = 0.95) -> Estimate:
    """Estimate a function of means with its interval.

    Parameters
    ----------
    resamples : Resamples
    statistic : callable, optional
        Maps means of shape (..., k) to values of shape (..., m); the means themselves by default.
    confidence : float
        Share of intervals that cover the expectation.

    Returns
    -------
    Estimate
        NaN bounds with a single cluster, or if the statistic is undefined without one of them; equal bounds where
        nothing varies.

    Examples
    --------
    >>> drawn = resample(np.arange(40.0)[:, None] ** [[1, 0]], np.arange(40)[:, None], key=1)
    >>> found = estimate(drawn, lambda means: means[..., :1] / means[..., 1:])
    >>> float(found.value[0]), bool(15 < found.low[0] < 19.5 < found.high[0] < 24)
    (19.5, True)
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence}")
    apply = statistic or _identity
    value, freedom = apply(resamples.mean), min(resamples.n_clusters) - 1
    left_out = [apply(means) for means in resamples.left_out]
    error = np.sqrt(_variance(left_out, resamples))
    if freedom < 1 or not np.isfinite(error).all():
        nothing = np.full_like(value, np.nan)
        return Estimate(value, nothing, nothing, nothing, freedom)
    fixed = error <= _ROUNDING * np.abs(value)
    if freedom + 1 < FEW_CLUSTERS:
        reach = stdtrit(freedom, (1 + confidence) / 2) * error
        low, high = value - reach, value + reach
    else:
        drawn, singles = apply(resamples.drawn), left_out[: len(resamples.n_clusters)]
        low, high = _bca(drawn, value, error, singles, confidence)
    return Estimate(value, np.where(fixed, value, low), np.where(fixed, value, high), error, freedom)


def mean_bounds(
    values: np.ndarray, units: np.ndarray, key: int, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of the mean of each column, [n, k] with NaN for gaps and [n, n_dimensions] -> [k] each.

    Columns with the same gaps share their resamples.
    """
    low, high = np.full(values.shape[1], np.nan), np.full(values.shape[1], np.nan)
    for columns in columns_by_gaps(values):
        rows = ~np.isnan(values[:, columns[0]])
        if rows.any():
            found = estimate(resample(values[np.ix_(rows, columns)], units[rows], key=key), confidence=confidence)
            low[columns], high[columns] = found.low, found.high
    return low, high


def _identity(means: np.ndarray) -> np.ndarray:
    return means


def columns_by_gaps(values: np.ndarray) -> Iterator[np.ndarray]:
    """Positions of the columns that have NaN in the same rows, [n, k] -> groups of columns."""
    if values.shape[1]:
        _, pattern = np.unique(np.isnan(values), axis=1, return_inverse=True)
        for number in range(pattern.max() + 1):
            yield np.flatnonzero(pattern.ravel() == number)


def _left_out(sums: np.ndarray, counts: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Means without the cells of one cluster at a time, [n_clusters, k]."""
    code = np.unique(members, axis=0, return_inverse=True)[1].ravel()
    if code.max() == 0:
        return np.full((1, sums.shape[1]), np.nan)
    without = np.zeros((code.max() + 1, sums.shape[1]))
    np.add.at(without, code, sums)
    return (sums.sum(axis=0) - without) / (counts.sum() - np.bincount(code, counts))[:, None]


def _variance(left_out: list[np.ndarray], resamples: Resamples) -> np.ndarray:
    """Multiway variance [3] of the jackknife variances of all sets of dimensions."""
    by_set = [
        (len(values) - 1) / len(values) * np.sum((values - values.mean(axis=0)) ** 2, axis=0)
        for values in left_out
    ]
    signs = [1 if size % 2 else -1 for size in resamples.n_dimensions]
    multiway = np.sum([sign * variance for sign, variance in zip(signs, by_set, strict=True)], axis=0)
    return np.maximum(multiway, np.max(by_set[: len(resamples.n_clusters)], axis=0))


def _bca(
    drawn: np.ndarray, value: np.ndarray, error: np.ndarray, left_out: list[np.ndarray], confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds by [1] equations 14.9 and 14.15; the clusters of all dimensions share in the skewness."""
    influence = np.concatenate([values.mean(axis=0) - values for values in left_out])
    spread = np.sum(influence**2, axis=0)
    acceleration = np.sum(influence**3, axis=0) / (6 * np.where(spread > 0, spread, 1.0) ** 1.5)
    drawn = drawn[np.isfinite(drawn).all(axis=1)]
    if len(left_out) > 1:
        wide = np.sqrt(np.mean((drawn - drawn.mean(axis=0)) ** 2, axis=0))
        drawn = value + (drawn - value) * np.minimum(1.0, error / np.where(wide > 0, wide, 1.0))
    drawn = np.sort(drawn, axis=0)
    below = (np.sum(drawn < value, axis=0) + np.sum(drawn <= value, axis=0)) / (2 * len(drawn))
    bias = ndtri(np.clip(below, 0.5 / len(drawn), 1 - 0.5 / len(drawn)))
    bounds = []
    for z in (ndtri((1 - confidence) / 2), ndtri((1 + confidence) / 2)):
        bounds.append(_quantiles(drawn, ndtr(bias + (bias + z) / (1 - acceleration * (bias + z)))))
    return bounds[0], bounds[1]


def _drawn_means(sums: np.ndarray, counts: np.ndarray, codes: list[np.ndarray], key: int) -> np.ndarray:
    """Means of resamples, [4000, k]; a resample weighs each cell by how often its clusters were drawn."""
    per_block = max(1, _BLOCK // len(sums))
    means = []
    for first in range(0, _RESAMPLES, per_block):
        rows = min(per_block, _RESAMPLES - first)
        weight = np.ones((rows, len(sums)))
        for dimension, code in enumerate(codes):
            own = key if dimension == 0 else draws.key_of(key, dimension)
            weight *= _times_drawn(own, first, rows, int(code.max()) + 1)[:, code]
        total = weight @ counts
        some = total > 0  # few items in many crossed clusters: now and then none of them is drawn
        means.append((weight @ sums)[some] / total[some, None])
    return np.concatenate(means)


def _times_drawn(key: int, first: int, rows: int, n_units: int) -> np.ndarray:
    """How often each unit is drawn in the resamples ``first`` to ``first + rows - 1``, [rows, n_units]."""
    n_words = -(-n_units // 4)  # four draws each; a resample starts at a word of its own
    raw = draws.words(key, first * n_words, rows * n_words).reshape(rows, 4 * n_words)[:, :n_units]
    drawn = (draws.uniform(raw) * n_units).astype(np.int64) + np.arange(rows)[:, None] * n_units
    return np.bincount(drawn.ravel(), minlength=rows * n_units).reshape(rows, n_units).astype(np.float64)


def _quantiles(ordered: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Quantile of each sorted column at its own level, linear between the two neighbours."""
    position = level * (len(ordered) - 1)
    lower = np.minimum(position.astype(np.int64), len(ordered) - 2)
    columns = np.arange(ordered.shape[1])
    fraction = position - lower
    return (1 - fraction) * ordered[lower, columns] + fraction * ordered[lower + 1, columns]
