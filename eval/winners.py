"""Who is best in each condition, and whether the lead over the second is more than chance."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from percepkit.baselines import registry
from percepkit.eval.anchors import oracles_among
from percepkit.eval.clusters import known_dimensions, place_items
from percepkit.eval.comparison import chosen_metrics, paired_statistics
from percepkit.eval.policies import sign_of, under_policy
from percepkit.eval.significance import holm

__all__ = ["contestants", "winners"]

_ALPHA = 0.05
_COLUMNS = ["metric", "best", "mean", "second", "lead", "low", "high", "p", "p_holm", "ahead", "n"]


def contestants(names: Sequence[str]) -> list[str]:
    """Of denoisers' names, those that can win: no oracle, no anchor but the noisy input.

    Examples
    --------
    >>> contestants(["wiener", "oracle-gains", "noisy", "clean"])
    ['wiener', 'noisy']
    """
    oracles = oracles_among(names)
    return [name for name in names if name not in oracles and name not in registry.ANCHORS]


def winners(
    scores: pd.DataFrame,
    items: pd.DataFrame,
    by: Sequence[str],
    *,
    names: Sequence[str] | None = None,
    metrics: Sequence[str] = (),
    clusters: Sequence[str] | None = None,
    policy: str = "common",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Find the best denoiser of each condition by each metric.

    Parameters
    ----------
    by : sequence of str
        Condition columns.
    names : sequence of str, optional
        Who takes part; by default `contestants` of all that were scored. The noisy input can win, too.
    scores, items, metrics, clusters, policy, confidence
        As for `percepkit.eval.comparison.compare`.

    Returns
    -------
    DataFrame
        One row for each condition and metric: best and second by their means over the n items used, mean (of the
        best), lead over the second with its interval (low, high; positive is better, whichever direction is),
        p (sign flips), p_holm (corrected over all rows), ahead (whether that is below 0.05; where there are too
        few clusters to test, whether the interval lies above 0).
    """
    wanted = contestants(sorted(map(str, scores["denoiser"].unique()))) if names is None else list(names)
    units_of = known_dimensions(items) if clusters is None else list(clusters)
    known = items[items["item"].isin(scores["item"])].reset_index(drop=True)
    levels, units = place_items(known, by, units_of)
    used = under_policy(scores, policy, among=wanted).merge(levels, on="item", validate="m:1")
    rows: list[dict[str, Any]] = []
    for level, group in used.groupby(list(by), observed=True, sort=True):
        for metric in chosen_metrics(scores, metrics):
            wide = group[group["metric"] == metric].pivot(index="item", columns="denoiser", values="value")
            found = _first_two(wide, units, units_of or ["item"], metric, confidence)
            if found:
                rows.append(dict(zip(by, level, strict=True)) | {"metric": metric} | found)
    table = pd.DataFrame(rows, columns=[*by, *_COLUMNS, "few"])
    table["p_holm"] = holm(table["p"].to_numpy(np.float64))
    by_interval = (table["few"] != "") & (table["low"] > 0)
    table["ahead"] = (table["p_holm"] < _ALPHA) | by_interval
    for name in by:
        table[name] = pd.Categorical(table[name], levels[name].cat.categories, ordered=True)
    return table.drop(columns="few")


def _first_two(
    wide: pd.DataFrame, units: pd.DataFrame, names: Sequence[str], metric: str, confidence: float
) -> dict[str, Any]:
    """The best, the second and what lies between them; nothing if there are no two to compare."""
    sign = sign_of(metric)
    ranked = (sign * wide.mean()).dropna().sort_values(ascending=False, kind="stable")
    if len(ranked) < 2:
        return {}
    best, second = map(str, ranked.index[:2])
    both = wide[[best, second]].dropna()
    lead = sign * (both[best] - both[second]).to_numpy(np.float64)
    tested = paired_statistics(lead, units.loc[both.index].to_numpy(), names, "higher", np.nan, confidence)
    numbers = {name: tested[name] for name in ("low", "high", "p", "few")}
    return {
        "best": best, "mean": float(wide[best].mean()), "second": second, "lead": tested["difference"],
        **numbers, "n": len(both),
    }  # fmt: skip
