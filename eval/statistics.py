"""Means of scores with bootstrap intervals, by condition, and paired against the unprocessed input.

References
----------
.. [1] B. Efron, "Better bootstrap confidence intervals", JASA 82(397), 1987 (BCa).
.. [2] B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, sections 14.3 and 11.5.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from percepkit.dsp import draws
from percepkit.eval.conditions import condition_column

__all__ = ["Interval", "mean_interval", "paired_difference", "summarise"]

_RESAMPLES = 4000
_BLOCK = 2_000_000  # resampled units held in memory at once
_ROUNDING = 1e-12  # a spread below this share of the values is rounding


@dataclass(frozen=True)
class Interval:
    """A mean with its confidence interval; ``n`` values went in, NaN bounds say that they were too few."""

    mean: float
    low: float
    high: float
    n: int


def mean_interval(
    values: np.ndarray, *, key: int, clusters: np.ndarray | None = None, confidence: float = 0.95
) -> Interval:
    """Mean of the values that are not NaN, with its BCa bootstrap interval [1]_.

    Parameters
    ----------
    values : float array, shape (n,)
        NaN marks a missing value.
    key : int
        Of the random draws, see `percepkit.dsp.draws.key_of`; the same key gives the same interval.
    clusters : array, shape (n,), optional
        Values of one cluster (a speaker, a noise file) are drawn together, since they are alike; the
        interval is then about new clusters.
    confidence : float
        Share of intervals that cover the expectation.

    Returns
    -------
    Interval
        NaN bounds with fewer than two values or clusters, equal bounds if all values are equal.

    Examples
    --------
    >>> interval = mean_interval(np.array([1.0, 2.0, 3.0, 4.0, np.nan]), key=1)
    >>> interval.mean, interval.n, bool(1 < interval.low < 2.5 < interval.high < 4)
    (2.5, 4, True)
    """
    values = np.asarray(values, dtype=np.float64)
    units = np.arange(len(values)) if clusters is None else pd.factorize(clusters, use_na_sentinel=False)[0]
    if values.ndim != 1 or units.shape != values.shape:
        raise ValueError(f"expected values [n] and as many clusters, got {values.shape} and {units.shape}")
    low, high = _bounds(values[:, None], units, key, confidence)
    present = values[~np.isnan(values)]
    mean = float(present.mean()) if len(present) else np.nan
    return Interval(mean, float(low[0]), float(high[0]), len(present))


def paired_difference(
    values: np.ndarray,
    baseline: np.ndarray,
    *,
    key: int,
    clusters: np.ndarray | None = None,
    confidence: float = 0.95,
) -> Interval:
    """Mean of ``values - baseline`` over the items that have both, with its interval.

    Parameters
    ----------
    values, baseline : float array, shape (n_items,)
        Scores of two denoisers on the same items; NaN marks a missing one.
    key, clusters, confidence
        As for `mean_interval`.

    Examples
    --------
    >>> paired_difference(np.array([2.0, 3.0, np.nan]), np.array([1.0, 2.0, 3.0]), key=1)
    Interval(mean=1.0, low=1.0, high=1.0, n=2)
    """
    difference = np.asarray(values, dtype=np.float64) - np.asarray(baseline, dtype=np.float64)
    return mean_interval(difference, key=key, clusters=clusters, confidence=confidence)


def summarise(
    scores: pd.DataFrame,
    items: pd.DataFrame,
    by: Sequence[str] = (),
    *,
    clusters: str | None = None,
    confidence: float = 0.95,
    baseline: str = "noisy",
) -> pd.DataFrame:
    """Average scores per denoiser, metric and condition.

    Parameters
    ----------
    scores : DataFrame
        Score table, see `percepkit.eval.score.read_scores`.
    items : DataFrame
        The corpus' items with the condition columns.
    by : sequence of str
        Condition columns of ``items``; numbers are binned, see
        `percepkit.eval.conditions.condition_column`.
    clusters : str, optional
        Column of ``items`` whose values are resampled together, e.g. ``"speaker"``.
    confidence : float
    baseline : str
        The denoiser that improvements are measured against.

    Returns
    -------
    DataFrame
        One row per denoiser, metric and condition: mean, low, high, n_ok (scores that exist) and n (items
        tried); delta, delta_low, delta_high and delta_n: the improvement over the baseline on the items
        that both have (NaN for the baseline itself).
    """
    if scores.empty:
        raise ValueError("there are no scores to average: expected at least one row, found none")
    joined = _join(scores, items, list(by), clusters)
    parts = []
    groups = joined.groupby(list(by), observed=True, sort=True) if by else [((), joined)]
    for levels, group in groups:
        part = _summary_of_group(group, confidence, baseline)
        for position, (name, level) in enumerate(zip(by, levels, strict=True)):
            column = pd.Categorical([level] * len(part), joined[name].cat.categories, ordered=True)
            part.insert(2 + position, name, column)
        parts.append(part)
    summary = pd.concat(parts, ignore_index=True)
    return summary.sort_values(["denoiser", "metric", *by], ignore_index=True, kind="stable")


def _join(scores: pd.DataFrame, items: pd.DataFrame, by: list[str], clusters: str | None) -> pd.DataFrame:
    """Scores with a categorical column per condition and the column ``_unit`` to resample by."""
    used = items[items["item"].isin(scores["item"])].sort_values("item", ignore_index=True)
    missing = set(scores["item"]) - set(used["item"])
    if missing:
        raise ValueError(
            f"{len(missing)} scored items (first: {min(missing)}) are not in the corpus: "
            "give the corpus that was scored"
        )
    if clusters is not None and clusters not in used:
        raise ValueError(f"items have no column {clusters!r}; columns: {', '.join(map(str, used.columns))}")
    table = pd.DataFrame({"item": used["item"], "_unit": used["item" if clusters is None else clusters]})
    for name in by:
        table[name] = condition_column(used, name)
    table["_unit"] = pd.factorize(table["_unit"], use_na_sentinel=False)[0]
    return scores[["item", "denoiser", "metric", "value", "status"]].merge(table, on="item", validate="m:1")


def _summary_of_group(group: pd.DataFrame, confidence: float, baseline: str) -> pd.DataFrame:
    """Summarise the scores of one condition; all denoisers and metrics share their resamples."""
    value = group["value"].where(group["status"] == "ok")
    wide = group.assign(value=value).pivot(index="item", columns=["denoiser", "metric"], values="value")
    wide = wide.sort_index(axis=1)
    units = group.drop_duplicates("item").set_index("item")["_unit"].loc[wide.index].to_numpy()
    values = wide.to_numpy(dtype=np.float64)
    difference = np.full_like(values, np.nan)
    for position, (denoiser, metric) in enumerate(wide.columns):
        if denoiser != baseline and (baseline, metric) in wide.columns:
            difference[:, position] = values[:, position] - wide[(baseline, metric)].to_numpy(np.float64)
    key = draws.key_of("summary")
    low, high = _bounds(values, units, key, confidence)
    delta_low, delta_high = _bounds(difference, units, key, confidence)
    return pd.DataFrame(
        {
            "denoiser": wide.columns.get_level_values("denoiser"),
            "metric": wide.columns.get_level_values("metric"),
            "mean": _means(values),
            "low": low,
            "high": high,
            "n_ok": np.sum(~np.isnan(values), axis=0),
            "n": group.groupby(["denoiser", "metric"]).size().loc[wide.columns].to_numpy(),
            "delta": _means(difference),
            "delta_low": delta_low,
            "delta_high": delta_high,
            "delta_n": np.sum(~np.isnan(difference), axis=0),
        }
    )


def _means(values: np.ndarray) -> np.ndarray:
    present = ~np.isnan(values)
    count = present.sum(axis=0)
    return np.divide(
        np.where(present, values, 0.0).sum(axis=0), count, out=np.full(len(count), np.nan), where=count > 0
    )


def _bounds(values: np.ndarray, units: np.ndarray, key: int, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """BCa bounds of the mean of each column; columns with the same gaps share their resamples."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence}")
    low, high = np.full(values.shape[1], np.nan), np.full(values.shape[1], np.nan)
    for columns in _columns_by_gaps(values):
        rows = ~np.isnan(values[:, columns[0]])
        if not rows.any():
            continue
        unit = np.unique(units[rows], return_inverse=True)[1]
        sums = np.zeros((unit.max() + 1, len(columns)))
        np.add.at(sums, unit, values[np.ix_(rows, columns)])
        low[columns], high[columns] = _bca(sums, np.bincount(unit).astype(np.float64), key, confidence)
    return low, high


def _columns_by_gaps(values: np.ndarray) -> Iterator[np.ndarray]:
    if values.shape[1]:
        _, pattern = np.unique(np.isnan(values), axis=1, return_inverse=True)
        for number in range(pattern.max() + 1):
            yield np.flatnonzero(pattern.ravel() == number)


def _bca(sums: np.ndarray, counts: np.ndarray, key: int, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Bounds for means ``sums / counts`` over units, [n_units, k] and [n_units] -> [k] each, [2] eq. 14.9."""
    n_units = len(sums)
    mean = sums.sum(axis=0) / counts.sum()
    if n_units < 2:
        return np.full_like(mean, np.nan), np.full_like(mean, np.nan)
    left_out = (sums.sum(axis=0) - sums) / (counts.sum() - counts)[:, None]
    influence = left_out.mean(axis=0) - left_out
    spread = np.sum(influence**2, axis=0)
    fixed = np.sqrt(spread) <= _ROUNDING * np.abs(mean)
    acceleration = np.sum(influence**3, axis=0) / (6 * np.where(fixed, 1.0, spread) ** 1.5)
    resampled = np.sort(_resampled_means(sums, counts, key), axis=0)
    below = (np.sum(resampled < mean, axis=0) + np.sum(resampled <= mean, axis=0)) / (2 * len(resampled))
    bias = ndtri(np.clip(below, 0.5 / len(resampled), 1 - 0.5 / len(resampled)))
    bounds = []
    for z in (ndtri((1 - confidence) / 2), ndtri((1 + confidence) / 2)):
        level = ndtr(bias + (bias + z) / (1 - acceleration * (bias + z)))
        bounds.append(np.where(fixed, mean, _quantiles(resampled, level)))
    return bounds[0], bounds[1]


def _resampled_means(sums: np.ndarray, counts: np.ndarray, key: int) -> np.ndarray:
    """Means of resamples of the units, [4000, k]; a resample is a vector of how often each unit was drawn."""
    n_units = len(sums)
    per_block = max(1, _BLOCK // n_units)
    means = []
    for first in range(0, _RESAMPLES, per_block):
        rows = min(per_block, _RESAMPLES - first)
        n_words = -(-n_units // 4)  # four draws each; a resample starts at a word of its own
        raw = draws.words(key, first * n_words, rows * n_words).reshape(rows, 4 * n_words)[:, :n_units]
        drawn = (draws.uniform(raw) * n_units).astype(np.int64) + np.arange(rows)[:, None] * n_units
        weight = np.bincount(drawn.ravel(), minlength=rows * n_units).reshape(rows, n_units).astype(np.float64)
        means.append((weight @ sums) / (weight @ counts)[:, None])
    return np.concatenate(means)


def _quantiles(ordered: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Quantile of each sorted column at its own level, linear between the two neighbours."""
    position = level * (len(ordered) - 1)
    lower = np.minimum(position.astype(np.int64), len(ordered) - 2)
    columns = np.arange(ordered.shape[1])
    fraction = position - lower
    return (1 - fraction) * ordered[lower, columns] + fraction * ordered[lower + 1, columns]
