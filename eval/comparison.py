"""Two denoisers on the same items: difference, interval, tests, and what follows in words."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from percepkit.dsp import draws
from percepkit.eval import metrics as metric_floor
from percepkit.eval.bootstrap import FEW_CLUSTERS, estimate, resample
from percepkit.eval.clusters import known_dimensions, place_items, singular
from percepkit.eval.policies import better_of, under_policy
from percepkit.eval.significance import (
    clusters_needed,
    detectable_difference,
    equivalence_p,
    holm,
    sign_flip_p,
    wilcoxon_p,
)

__all__ = [
    "MARGINS",
    "chosen_metrics",
    "compare",
    "default_margin",
    "effect_size",
    "paired_statistics",
    "paired_values",
]

#: Differences that nobody need care about, by unit; conventions of ours, to be changed where more is known.
MARGINS: Mapping[str, float] = {"MOS-LQO": 0.05, "MOS": 0.05, "PESQ score": 0.05, "dB": 0.5, "1": 0.01}
_ALPHA = 0.05
_NUMBERS = (
    "difference", "low", "high", "p", "p_wilcoxon", "win_rate", "median", "d_z", "detectable", "needed",
    "needed_margin", "p_equivalent",
)  # fmt: skip


def compare(
    scores: pd.DataFrame,
    items: pd.DataFrame,
    a: str,
    b: str,
    *,
    metrics: Sequence[str] = (),
    by: Sequence[str] = (),
    clusters: Sequence[str] | None = None,
    policy: str = "common",
    margins: Mapping[str, float] | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Compare two denoisers, metric by metric and condition by condition.

    Parameters
    ----------
    scores : DataFrame
        Score table, see `percepkit.eval.score.read_scores`.
    items : DataFrame
        The corpus' items.
    a, b : str
        Denoisers; differences are ``a - b``.
    metrics : sequence of str
        All that were scored by default.
    by : sequence of str
        Condition columns, see `percepkit.eval.conditions.condition_column`.
    clusters : sequence of str, optional
        See `percepkit.eval.clusters.cluster_codes`. By default speakers, noises and rooms, as far as known; with
        an empty sequence every item stands for itself.
    policy : {"common", "floor", "fail"}
        For missing scores, see `percepkit.eval.policies`.
    margins : mapping of float, optional
        Margins of equivalence by metric; by default `MARGINS` of its unit.
    confidence : float

    Returns
    -------
    DataFrame
        One row for each condition and metric: n (pairs used), n_a, n_b and n_items (scores that exist, and items
        tried), mean_a, mean_b, difference, low, high, p (sign flips), p_holm (corrected over all rows),
        p_wilcoxon, win_rate (share of items on which ``a`` is better, ties count half), median (of the
        differences), d_z (their mean over their standard deviation), clusters (in words), detectable (the
        difference that would be found with a power of 0.8), scarcest (the kind of which there are fewest
        clusters), needed and needed_margin (how many of that kind would find, with that power, a difference as
        large as the one here and as the margin, see `percepkit.eval.significance.clusters_needed`), margin,
        p_equivalent and verdict.

    Raises
    ------
    ValueError
        For a denoiser, metric or column that is not there.
    """
    used = paired_values(scores, a, b, metrics=metrics, policy=policy)
    names = known_dimensions(items) if clusters is None else list(clusters)
    known = items[items["item"].isin(used["item"])].reset_index(drop=True)
    levels, units = place_items(known, by, names)
    joined = used.merge(levels, on="item", validate="m:1")
    if len(joined) < len(used):
        raise ValueError("scored items are not in the corpus: give the corpus that was scored")
    margins = margins or {}
    rows = []
    for level, group in joined.groupby(list(by), observed=True, sort=True) if by else [((), joined)]:
        for metric in chosen_metrics(scores, metrics):
            pairs = group[group["metric"] == metric]
            margin = margins.get(metric, default_margin(metric))
            row = _row(pairs, units, names or ["item"], better_of(metric), margin, confidence)
            rows.append(dict(zip(by, level, strict=True)) | {"metric": metric} | row)
    table = pd.DataFrame(rows)
    for name in by:
        table[name] = pd.Categorical(table[name], levels[name].cat.categories, ordered=True)
    table.insert(table.columns.get_loc("p") + 1, "p_holm", holm(table["p"].to_numpy()))
    table["verdict"] = [_verdict(row, a, b) for row in table.to_dict("records")]
    return table.drop(columns="few")


def paired_values(
    scores: pd.DataFrame, a: str, b: str, *, metrics: Sequence[str] = (), policy: str = "common"
) -> pd.DataFrame:
    """Lay the scores of two denoisers side by side.

    Returns
    -------
    DataFrame
        Columns item, metric, a and b (what is to be averaged under the policy, else NaN), ok_a and ok_b (whether
        there is a score).
    """
    for name in (a, b):
        if name not in set(scores["denoiser"]):
            valid = ", ".join(sorted(map(str, scores["denoiser"].unique())))
            raise ValueError(f"{name!r} was not scored; the table has: {valid}")
    if a == b:
        raise ValueError(f"expected two denoisers, got {a!r} twice")
    table = under_policy(scores, policy, among=[a, b])
    table = table[table["metric"].isin(chosen_metrics(scores, metrics))]
    wide = table.assign(ok=table["status"] == "ok").pivot(
        index=["metric", "item"], columns="denoiser", values=["value", "ok"]
    )
    parts = {"a": wide[("value", a)], "b": wide[("value", b)]}
    values = pd.DataFrame(parts).astype(np.float64)
    for name, denoiser in (("ok_a", a), ("ok_b", b)):
        values[name] = wide[("ok", denoiser)].eq(True).to_numpy()
    return values.reset_index()


def chosen_metrics(scores: pd.DataFrame, wanted: Sequence[str]) -> list[str]:
    """Check the wanted metrics, or give all that were scored, wideband PESQ first."""
    scored = sorted(map(str, scores["metric"].unique()), key=lambda name: (name != "pesq_wb", name))
    unknown = [name for name in wanted if name not in scored]
    if unknown:
        raise ValueError(f"{unknown[0]!r} was not scored; the table has: {', '.join(scored)}")
    return list(wanted) or scored


def default_margin(metric: str) -> float:
    """Margin of equivalence by the metric's unit, NaN where there is no convention.

    Examples
    --------
    >>> default_margin("pesq_wb"), default_margin("wss")
    (0.05, nan)
    """
    if metric not in metric_floor.names():
        return math.nan
    return MARGINS.get(metric_floor.load(metric).SPEC.unit[metric], math.nan)


def effect_size(difference: np.ndarray) -> float:
    """Mean of paired differences over their standard deviation, d_z of Cohen (1988); NaN where all are equal.

    Examples
    --------
    >>> effect_size(np.array([1.0, 2.0, 3.0]))
    2.0
    """
    spread = float(np.std(difference, ddof=1)) if len(difference) > 1 else 0.0
    mean = float(np.mean(difference))
    return mean / spread if spread > 1e-12 * abs(mean) else math.nan  # below it is rounding


def _row(
    pairs: pd.DataFrame,
    clusters: pd.DataFrame,
    names: Sequence[str],
    better: str,
    margin: float,
    confidence: float,
) -> dict[str, object]:
    both = pairs.dropna(subset=["a", "b"])
    difference = both["a"].to_numpy() - both["b"].to_numpy()
    units = clusters.loc[both["item"]].to_numpy()
    coverage = {"n": len(both), "n_a": int(pairs["ok_a"].sum()), "n_b": int(pairs["ok_b"].sum())}
    means = {"n_items": len(pairs), "mean_a": both["a"].mean(), "mean_b": both["b"].mean()}
    return coverage | means | paired_statistics(difference, units, names, better, margin, confidence)


def paired_statistics(
    difference: np.ndarray, units: np.ndarray, names: Sequence[str], better: str, margin: float, confidence: float
) -> dict[str, object]:
    """Numbers of `compare` that hang on the differences alone.

    Parameters
    ----------
    difference : float array, shape (n,)
    units : int array, shape (n, n_dimensions)
        Clusters in the dimensions called ``names``.
    better : {"higher", "lower"}
    margin : float
        NaN for no test of equivalence.
    confidence : float

    Returns
    -------
    dict
        ``few`` says in words which clusters are too few for a test.
    """
    if not len(difference):
        return dict.fromkeys(_NUMBERS, math.nan) | {"margin": margin, "clusters": "", "scarcest": "", "few": ""}
    found = estimate(resample(difference[:, None], units, key=draws.key_of("compare")), confidence=confidence)
    error, freedom = float(found.error[0]), found.freedom
    wins = difference > 0 if better == "higher" else difference < 0
    counts = {name: len(np.unique(column)) for name, column in zip(names, units.T, strict=True)}
    several = max(counts.values()) > 1
    scarcest = min(counts, key=lambda name: (counts[name] == 1, counts[name]))
    few = [_count(n, name) for name, n in counts.items() if n < FEW_CLUSTERS and (n > 1 or not several)]
    equivalent = math.nan
    if not math.isnan(margin):
        equivalent = equivalence_p(float(difference.mean()), error, margin=margin, freedom=freedom)
    return {
        "difference": float(difference.mean()),
        "low": float(found.low[0]),
        "high": float(found.high[0]),
        "p": sign_flip_p(difference, units, key=draws.key_of("signs")),
        "p_wilcoxon": wilcoxon_p(difference, units),
        "win_rate": float(np.mean(wins) + 0.5 * np.mean(difference == 0)),
        "median": float(np.median(difference)),
        "d_z": effect_size(difference),
        "clusters": ", ".join(_count(n, name) for name, n in counts.items()),
        "detectable": detectable_difference(error, freedom=freedom),
        "scarcest": scarcest,
        "needed": clusters_needed(float(difference.mean()), error, freedom=freedom),
        "needed_margin": clusters_needed(margin, error, freedom=freedom),
        "margin": margin,
        "p_equivalent": equivalent,
        "few": ", ".join(few),
    }


def _count(n: int, name: str) -> str:
    return f"{n} {singular(name)}{'' if n == 1 else 's'}"


def _verdict(row: Mapping[str, Any], a: str, b: str) -> str:
    """Say what follows; equivalence is only spoken of where no difference was found."""
    if not row["n"]:
        return "no common items"
    ahead = a if (row["difference"] > 0) == (better_of(row["metric"]) == "higher") else b
    if row["few"]:
        if row["low"] <= 0 <= row["high"] or math.isnan(row["low"]):
            return f"no test: {row['few']}, {FEW_CLUSTERS} needed"
        return f"{ahead} ahead by its interval; no test: {row['few']}, {FEW_CLUSTERS} needed"
    if row["p_holm"] < _ALPHA:
        return f"{ahead} better"
    if row["p_equivalent"] < _ALPHA:
        return f"equivalent within ±{row['margin']:g}"
    return "no difference shown"
