"""Means in which every condition counts the same, beside those in which every item does.

Where a corpus has ten times as much babble as traffic, the mean over its items is a mean over babble. The mean of
the condition means says how a denoiser does where nobody knows which condition comes next.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from scipy.stats import chisquare

from percepkit.dsp import draws
from percepkit.eval.bootstrap import columns_by_gaps, estimate, resample
from percepkit.eval.conditions import condition_column
from percepkit.eval.statistics import join_items, summary_of_group

__all__ = ["balanced_summary", "is_unbalanced"]

_CHANCE = 0.01


def is_unbalanced(items: pd.DataFrame, name: str) -> bool:
    """Whether the levels of a condition differ in their number of items by more than chance (chi-square, 1 %).

    Never of a condition that the items do not have.

    Examples
    --------
    >>> is_unbalanced(pd.DataFrame({"noise_class": ["babble"] * 30 + ["rain"] * 10}), "noise_class")
    True
    >>> is_unbalanced(pd.DataFrame({"noise_class": ["babble"] * 21 + ["rain"] * 19}), "noise_class")
    False
    """
    if name not in items:
        return False
    counts = pd.Series(condition_column(items, name)).value_counts()
    counts = counts[counts > 0]
    return len(counts) > 1 and float(chisquare(counts.to_numpy()).pvalue) < _CHANCE


def balanced_summary(
    scores: pd.DataFrame,
    items: pd.DataFrame,
    by: Sequence[str],
    *,
    clusters: Sequence[str] = (),
    confidence: float = 0.95,
    baseline: str = "noisy",
    policy: str | None = None,
) -> pd.DataFrame:
    """Average scores over the means of conditions.

    Parameters
    ----------
    by : sequence of str
        Condition columns; each combination that occurs is a condition.
    scores, items, clusters, confidence, baseline, policy
        As for `percepkit.eval.statistics.summarise`.

    Returns
    -------
    DataFrame
        One row per denoiser and metric with the columns of `percepkit.eval.statistics.summarise`, where mean and
        delta are means of the condition means, and: conditions (how many of them have a score), fewest and most
        (items of a condition). Clusters are resampled as there; a resample that misses a condition averages the
        others.
    """
    joined, units = join_items(scores, items, by, clusters, policy)
    joined["condition"] = joined.groupby(list(by), observed=True, sort=True).ngroup()
    code = joined.groupby("item")["condition"].first()
    sizes = code.value_counts()

    def bounds(values: np.ndarray, rows: pd.Index) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return _balanced_bounds(values, code.loc[rows].to_numpy(), units.loc[rows].to_numpy(), confidence)

    parts = [summary_of_group(of, bounds, baseline) for _, of in joined.groupby("metric")]
    table = pd.concat(parts).sort_values(["denoiser", "metric"], ignore_index=True, kind="stable")
    scored = joined.dropna(subset="used").groupby(["denoiser", "metric"])["condition"].nunique()
    found = scored.reindex(pd.MultiIndex.from_frame(table[["denoiser", "metric"]]), fill_value=0).to_numpy()
    return table.assign(conditions=found, fewest=int(sizes.min()), most=int(sizes.max()))


def _balanced_bounds(
    values: np.ndarray, codes: np.ndarray, units: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and bounds of each column, [n, k] with NaN for gaps -> [k] each."""
    mean, low, high = (np.full(values.shape[1], np.nan) for _ in range(3))
    for columns in columns_by_gaps(values):
        rows = ~np.isnan(values[:, columns[0]])
        if not rows.any():
            continue
        present = np.unique(codes[rows])
        inside = (codes[rows, None] == present).astype(np.float64)
        parts = values[rows][:, columns, None] * inside[:, None, :]
        flat = np.concatenate([parts.reshape(len(parts), -1), inside], axis=1)
        drawn = resample(flat, units[rows], key=draws.key_of("summary"))
        found = estimate(drawn, partial(_of_conditions, n=len(present)), confidence=confidence)
        mean[columns], low[columns], high[columns] = found.value, found.low, found.high
    return mean, low, high


def _of_conditions(means: np.ndarray, n: int) -> np.ndarray:
    """Mean over n conditions, those that are there, [..., k n + n] -> [..., k]."""
    share = means[..., None, -n:]
    total = means[..., :-n].reshape(*means.shape[:-1], -1, n)
    each = np.divide(total, share, out=np.zeros_like(total), where=share > 0)
    total, found = each.sum(axis=-1), (share > 0).sum(axis=-1)
    # None is there where the only cluster is left out.
    return np.divide(total, found, out=np.full_like(total, np.nan), where=found > 0)
