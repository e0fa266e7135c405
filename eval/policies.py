"""What to do about scores that do not exist, declared before means are compared.

``common``
    Only items that all compared denoisers have a score for. The mean is about fewer items, the same for all.
``floor``
    A missing score counts as the worst value that the metric can have; where its range has no end, as the worst
    that was scored with any denoiser.
``fail``
    A denoiser that lacks a score has no mean.

Under each of them an item that no denoiser has a score for is left out: that is the item's fault. So is a score
that is infinite (the SI-SDR of the clean speech itself), which is no failure. Under ``common`` a denoiser without
a single score of a metric (a mute one) has no mean of it, and takes no items from the others.
"""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from percepkit.eval import metrics as metric_floor

__all__ = [
    "POLICIES", "better_of", "range_of", "scored_values", "sign_of", "under_policy", "unexpected", "warn_of_ranks",
]  # fmt: skip

POLICIES = ("common", "floor", "fail")


def better_of(metric: str) -> str:
    """Say which direction of a metric is better; ``"higher"`` for one that is not installed."""
    return metric_floor.load(metric).SPEC.better if metric in metric_floor.names() else "higher"


def sign_of(metric: str) -> float:
    """Factor that makes more of a metric better: 1, or -1 where less is.

    Examples
    --------
    >>> sign_of("stoi"), sign_of("wss")
    (1.0, -1.0)
    """
    return 1.0 if better_of(metric) == "higher" else -1.0


def scored_values(scores: pd.DataFrame) -> pd.Series:
    """Values of a score table, NaN where there is no score.

    Examples
    --------
    >>> scored_values(pd.DataFrame({"value": [0.5, 7.0], "status": ["ok", "crashed"]})).to_list()
    [0.5, nan]
    """
    return scores["value"].where(scores["status"] == "ok")


def range_of(metric: str) -> tuple[float, float]:
    """Give the smallest and largest value of a metric; without ends for one that is not installed.

    Examples
    --------
    >>> range_of("stoi"), range_of("of_somebody_else")
    ((-1.0, 1.0), (-inf, inf))
    """
    if metric not in metric_floor.names():
        return -math.inf, math.inf
    low, high = metric_floor.load(metric).SPEC.range[metric]
    return float(low), float(high)


def unexpected(scores: pd.DataFrame) -> pd.DataFrame:
    """Leave out what no run can have: a number for silence, and an end of the clean speech's own SI-SDR.

    Examples
    --------
    >>> rows = [("clean", "ok"), ("clean", "infinite"), ("silence", "silent_estimate")]
    >>> scores = pd.DataFrame(rows, columns=["denoiser", "status"])
    >>> unexpected(scores)["status"].to_list()
    ['ok']
    """
    endless = (scores["denoiser"] == "clean") & (scores["status"] == "infinite")
    return scores[~endless & (scores["denoiser"] != "silence")]


def under_policy(scores: pd.DataFrame, policy: str, *, among: Sequence[str] | None = None) -> pd.DataFrame:
    """Apply a policy for missing scores.

    Parameters
    ----------
    scores : DataFrame
        Score table with the columns item, denoiser, metric, value and status.
    policy : {"common", "floor", "fail"}
    among : sequence of str, optional
        The denoisers that are compared; all by default. The others still tell what the worst scored value is, and
        which items can be scored at all.

    Returns
    -------
    DataFrame
        The rows of these denoisers; ``value`` is what is to be averaged, NaN where nothing is.

    Examples
    --------
    >>> scores = pd.DataFrame({"item": [0, 1, 0, 1], "denoiser": list("aabb"), "metric": "stoi",
    ...                        "value": [0.5, 0.7, 0.6, np.nan], "status": ["ok", "ok", "ok", "crashed"]})
    >>> [under_policy(scores, policy)["value"].to_list() for policy in POLICIES]
    [[0.5, nan, 0.6, nan], [0.5, 0.7, 0.6, -1.0], [0.5, 0.7, nan, nan]]
    """
    if policy not in POLICIES:
        raise ValueError(f"unknown policy {policy!r} for missing scores; choose from {', '.join(POLICIES)}")
    table = scores.reset_index(drop=True)
    table["value"] = scored_values(table)
    worst = {str(metric): _worst(str(metric), rows["value"]) for metric, rows in table.groupby("metric")}
    scorable = table["value"].notna().groupby([table["item"], table["metric"]]).transform("any")
    if among is not None:
        table = table[table["denoiser"].isin(list(among))]
    present = table["value"].notna()
    missing = ~present & (table["status"] != "infinite") & scorable.loc[table.index]
    if policy == "floor":
        filled = table["value"].where(~missing, table["metric"].map(worst))
        return table.assign(value=filled)
    group = [table["denoiser"], table["metric"]]
    if policy == "fail":
        lacking = missing.groupby(group).transform("any")
        return table.assign(value=table["value"].where(~lacking))
    counted = present.groupby(group).transform("any")  # not the mute, nor the clean speech by SI-SDR
    complete = (present | ~counted).groupby([table["item"], table["metric"]]).transform("all")
    return table.assign(value=table["value"].where(complete))


def warn_of_ranks(scores: pd.DataFrame) -> list[str]:
    """Say for which metrics the order of the denoisers hangs on the policy.

    Parameters
    ----------
    scores : DataFrame
        As for `under_policy`.

    Returns
    -------
    list of str
        One line for each metric whose ranks differ between ``common`` and ``floor``.
    """
    if (scores["status"] == "ok").all():
        return []
    ranks = {policy: _ranks(under_policy(scores, policy)) for policy in POLICIES[:2]}
    lines = []
    for metric, common in ranks["common"].items():
        floor = [name for name in ranks["floor"][metric] if name in common]
        if floor != common:
            where = next(place for place, (a, b) in enumerate(zip(common, floor, strict=True)) if a != b)
            lines.append(
                f"ranks by {metric} change with the policy for missing scores: place {where + 1} is "
                f"{common[where]} on common items, {floor[where]} if a missing score counts as the worst"
            )
    return lines


def _ranks(table: pd.DataFrame) -> dict[str, list[str]]:
    means = table.groupby(["metric", "denoiser"])["value"].mean().dropna()
    return {
        str(metric): list(
            rows.droplevel("metric").sort_values(ascending=better_of(str(metric)) == "lower", kind="stable").index
        )
        for metric, rows in means.groupby("metric")
    }


def _worst(metric: str, values: pd.Series) -> float:
    higher = better_of(metric) == "higher"
    end = range_of(metric)[0 if higher else 1]
    if math.isfinite(end):
        return end
    return float(values.min() if higher else values.max()) if values.notna().any() else np.nan
