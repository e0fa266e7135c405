"""Means of scores with bootstrap intervals, by condition, and paired against the unprocessed input.

How intervals are made, over clusters too, is told in `percepkit.eval.bootstrap`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from percepkit.dsp import draws
from percepkit.eval.bootstrap import mean_bounds
from percepkit.eval.clusters import place_items
from percepkit.eval.policies import range_of, scored_values, under_policy

__all__ = ["Interval", "join_items", "mean_interval", "paired_difference", "summarise", "summary_of_group"]

#: Mean, low and high of each column of scores, from them and the items of their rows.
Bounds = Callable[[np.ndarray, pd.Index], tuple[np.ndarray, np.ndarray, np.ndarray]]


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
    """Mean of the values that are not NaN, with its bootstrap interval.

    Parameters
    ----------
    values : float array, shape (n,)
        NaN marks a missing value.
    key : int
        Of the random draws, see `percepkit.dsp.draws.key_of`; the same key gives the same interval.
    clusters : array, shape (n,) or (n, n_dimensions), optional
        Values of one cluster (a speaker, a noise file) are drawn together, since they are alike; the
        interval is then about new clusters. Columns are dimensions that cross.
    confidence : float
        Share of intervals that cover the expectation.

    Returns
    -------
    Interval
        NaN bounds with fewer than two values or clusters, equal bounds if all values are equal.

    Examples
    --------
    >>> interval = mean_interval(np.array([*range(10), np.nan]), key=1)
    >>> interval.mean, interval.n, bool(2 < interval.low < 4.5 < interval.high < 7)
    (4.5, 10, True)
    """
    values = np.asarray(values, dtype=np.float64)
    given = np.arange(len(values)) if clusters is None else np.asarray(clusters)
    if values.ndim != 1 or given.shape[:1] != values.shape or given.ndim > 2:
        raise ValueError(f"expected values [n] and as many clusters, got {values.shape} and {given.shape}")
    columns = given.T if given.ndim == 2 else [given]
    units = np.stack([pd.factorize(column, use_na_sentinel=False)[0] for column in columns], axis=1)
    low, high = mean_bounds(values[:, None], units, key, confidence)
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
    clusters: Sequence[str] = (),
    confidence: float = 0.95,
    baseline: str = "noisy",
    policy: str | None = None,
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
    clusters : sequence of str
        What items are resampled by, e.g. ``["speaker", "noise"]``, see
        `percepkit.eval.clusters.cluster_codes`; every item by itself if there is none.
    confidence : float
    baseline : str
        The denoiser that improvements are measured against.
    policy : str, optional
        For missing scores, see `percepkit.eval.policies`; without one each denoiser is averaged over the items
        that it has a score for.

    Returns
    -------
    DataFrame
        One row per denoiser, metric and condition: mean, low and high (no farther than the metric's range), n_ok
        (scores that exist) and n (items tried); delta, delta_low, delta_high and delta_n: the improvement over the
        baseline on the items that both have (NaN for the baseline itself).
    """
    if scores.empty:
        raise ValueError("there are no scores to average: expected at least one row, found none")
    if isinstance(clusters, str):
        raise ValueError(f"clusters must be a sequence of columns, got the text {clusters!r}: put it in a list")
    joined, units = join_items(scores, items, by, clusters, policy)

    def bounds(values: np.ndarray, rows: pd.Index) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        low, high = mean_bounds(values, units.loc[rows].to_numpy(), draws.key_of("summary"), confidence)
        return _means(values), low, high

    parts = []
    groups = joined.groupby(list(by), observed=True, sort=True) if by else [((), joined)]
    for levels, group in groups:
        part = summary_of_group(group, bounds, baseline)
        for position, (name, level) in enumerate(zip(by, levels, strict=True)):
            column = pd.Categorical([level] * len(part), joined[name].cat.categories, ordered=True)
            part.insert(2 + position, name, column)
        parts.append(part)
    summary = pd.concat(parts, ignore_index=True)
    return summary.sort_values(["denoiser", "metric", *by], ignore_index=True, kind="stable")


def join_items(
    scores: pd.DataFrame, items: pd.DataFrame, by: Sequence[str], clusters: Sequence[str], policy: str | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put conditions beside scores.

    Returns
    -------
    DataFrame
        The scores with a categorical column for each condition, and ``used``: what is to be averaged.
    DataFrame
        The clusters to resample by, indexed by item.
    """
    used = items[items["item"].isin(scores["item"])].sort_values("item", ignore_index=True)
    missing = set(scores["item"]) - set(used["item"])
    if missing:
        raise ValueError(
            f"{len(missing)} scored items (first: {min(missing)}) are not in the corpus: "
            "give the corpus that was scored"
        )
    table, units = place_items(used, by, clusters)
    joined = scores[["item", "denoiser", "metric", "value", "status"]].merge(table, on="item", validate="m:1")
    joined["used"] = scored_values(joined) if policy is None else under_policy(joined, policy)["value"]
    return joined, units


def summary_of_group(group: pd.DataFrame, bounds: Bounds, baseline: str) -> pd.DataFrame:
    """Summarise the scores of one condition; all denoisers and metrics share their resamples.

    Parameters
    ----------
    group : DataFrame
        Rows of `join_items`.
    bounds : Bounds
    baseline : str

    Returns
    -------
    DataFrame
        As `summarise` returns it, without conditions.
    """
    wide = group.pivot(index="item", columns=["denoiser", "metric"], values="used").sort_index(axis=1)
    values = wide.to_numpy(dtype=np.float64)
    difference = np.full_like(values, np.nan)
    for position, (denoiser, metric) in enumerate(wide.columns):
        if denoiser != baseline and (baseline, metric) in wide.columns:
            difference[:, position] = values[:, position] - wide[(baseline, metric)].to_numpy(np.float64)
    mean, low, high = bounds(values, wide.index)
    delta, delta_low, delta_high = bounds(difference, wide.index)
    least, most = np.array([range_of(str(metric)) for _, metric in wide.columns]).T
    counted = (group["status"] == "ok").groupby([group["denoiser"], group["metric"]])
    return pd.DataFrame(
        {
            "denoiser": wide.columns.get_level_values("denoiser"),
            "metric": wide.columns.get_level_values("metric"),
            "mean": mean,
            "low": np.maximum(low, least),
            "high": np.minimum(high, most),
            "n_ok": counted.sum().loc[wide.columns].to_numpy(np.int64),
            "n": counted.size().loc[wide.columns].to_numpy(),
            "delta": delta,
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
