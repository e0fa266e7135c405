"""Where two denoisers change places over a condition, such as the SNR."""

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from percepkit.eval.anchors import resample_items
from percepkit.eval.bootstrap import Resamples, estimate
from percepkit.eval.comparison import chosen_metrics, paired_values
from percepkit.eval.conditions import condition_column
from percepkit.eval.policies import scored_values, sign_of

__all__ = ["crossovers", "curve_areas", "lead_of", "sure_crossovers"]

_COLUMNS = ["metric", "at", "low", "high", "found", "below", "above", "lead", "lead_low", "lead_high"]


def crossovers(
    scores: pd.DataFrame,
    items: pd.DataFrame,
    a: str,
    b: str,
    *,
    metrics: Sequence[str] = (),
    column: str = "snr_db",
    clusters: Sequence[str] | None = None,
    policy: str = "common",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Find where the curves of two denoisers over a condition cross.

    Parameters
    ----------
    column : str
        A numeric column of ``items``. Means at its levels (or bins, then at the mean within each) are joined by
        straight lines.
    scores, items, a, b, metrics, clusters, policy, confidence
        As for `percepkit.eval.comparison.compare`.

    Returns
    -------
    DataFrame
        One row for each crossing: metric, at (in the unit of the column), low and high (percentiles of the
        crossings of the resamples nearest to it), found (share of resamples that cross at all; an
        interval with less than ``confidence`` of them says little), below and above (who is ahead there), lead,
        lead_low and lead_high (by how much the latter is better on average over the whole range, see
        `curve_areas`; negative if it is worse).
    """
    rows: list[dict[str, Any]] = []
    for metric, pairs in _pairs_of(scores, a, b, metrics, policy):
        rows += _crossings_of(pairs, (a, b), metric, items, column, clusters, confidence)
    return pd.DataFrame(rows, columns=_COLUMNS)


def curve_areas(
    scores: pd.DataFrame,
    items: pd.DataFrame,
    a: str,
    b: str,
    *,
    metrics: Sequence[str] = (),
    column: str = "snr_db",
    clusters: Sequence[str] | None = None,
    policy: str = "common",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Measure the area between the curves of two denoisers over a condition.

    It does not hang on how many items there are at which level, as the difference of means does.

    Parameters
    ----------
    scores, items, a, b, metrics, column, clusters, policy, confidence
        As for `crossovers`.

    Returns
    -------
    DataFrame
        One row for each metric with two levels or more: area (unit of the metric times that of the column,
        positive where ``a`` is better, whichever direction is) with low and high, start and end of the range;
        area / (end - start) is the lead on average.
    """
    rows: list[dict[str, Any]] = []
    for metric, pairs in _pairs_of(scores, a, b, metrics, policy):
        item, at, columns = _levels_of(pairs, metric, items, column)
        if len(at) < 2:
            continue
        drawn = resample_items(columns, item, items, clusters)
        area, low, high = _area_of(drawn, at, confidence)
        rows.append(
            {"metric": metric, "area": area, "low": low, "high": high, "start": float(at[0]), "end": float(at[-1])}
        )
    return pd.DataFrame(rows, columns=["metric", "area", "low", "high", "start", "end"])


def sure_crossovers(
    scores: pd.DataFrame,
    items: pd.DataFrame,
    names: Sequence[str],
    *,
    metrics: Sequence[str] = (),
    column: str = "snr_db",
    clusters: Sequence[str] | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Find all pairs of denoisers whose order turns round once, and nearly always does so in resamples.

    Curves that lie on each other cross here and there by chance, so that pairs with several crossings, or whose
    resamples cross in less than a share of ``confidence``, are left out.

    Parameters
    ----------
    names : sequence of str
        Denoisers, ``noisy`` too if it is to be compared with.
    scores, items, metrics, column, clusters, confidence
        As for `crossovers`; the items that both of a pair have a score for are used.

    Returns
    -------
    DataFrame
        As from `crossovers`, ordered by metric and place.
    """
    values = scores.assign(value=scored_values(scores))
    rows: list[dict[str, Any]] = []
    for metric in chosen_metrics(scores, metrics):
        wide = values[values["metric"] == metric].pivot(index="item", columns="denoiser", values="value")
        sure = []
        for a, b in combinations([name for name in names if name in wide], 2):
            pairs = wide[[a, b]].dropna().set_axis(["a", "b"], axis=1).reset_index()
            found = _crossings_of(pairs, (a, b), metric, items, column, clusters, confidence)
            if len(found) == 1 and found[0]["found"] >= confidence:
                sure += found
        rows += sorted(sure, key=lambda row: row["at"])
    return pd.DataFrame(rows, columns=_COLUMNS)


def lead_of(row: Mapping[Hashable, Any]) -> tuple[str, float, float, float]:
    """Who is ahead on average, by how much, and the bounds of that, from a row of `crossovers`.

    Examples
    --------
    >>> lead_of({"below": "a", "above": "b", "lead": -0.2, "lead_low": -0.3, "lead_high": -0.1})
    ('a', 0.2, 0.1, 0.3)
    """
    lead, low, high = (float(row[name]) for name in ("lead", "lead_low", "lead_high"))
    return (row["below"], -lead, -high, -low) if lead < 0 else (row["above"], lead, low, high)


def _pairs_of(
    scores: pd.DataFrame, a: str, b: str, metrics: Sequence[str], policy: str
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each metric with the items that both denoisers have a score for: columns item, a and b."""
    used = paired_values(scores, a, b, metrics=metrics, policy=policy).dropna(subset=["a", "b"])
    for metric in chosen_metrics(scores, metrics):
        yield metric, used.loc[used["metric"] == metric, ["item", "a", "b"]]


def _crossings_of(
    pairs: pd.DataFrame,
    names: tuple[str, str],
    metric: str,
    items: pd.DataFrame,
    column: str,
    clusters: Sequence[str] | None,
    confidence: float,
) -> list[dict[str, Any]]:
    """Rows of `crossovers` from the scores of two denoisers, columns item, a and b, by one metric."""
    item, at, columns = _levels_of(pairs, metric, items, column)
    if len(at) < 2:
        return []
    curve = _curve(columns.mean(axis=0))
    crossed = [place for place in _crossings(curve[None], at)[0] if not math.isnan(place)]
    if not crossed:
        return []
    drawn = resample_items(columns, item, items, clusters)
    leads = np.array(_area_of(drawn, at, confidence)) / (at[-1] - at[0])
    resampled = _crossings(_joined(_curve(drawn.drawn), at), at)
    rows: list[dict[str, Any]] = []
    for place in crossed:
        segment = int(np.searchsorted(at, place, side="right")) - 1
        below, above = names if curve[segment] > 0 else names[::-1]
        near = _near(resampled, place, confidence)
        own = leads if above == names[0] else -leads[[0, 2, 1]]
        lead = dict(zip(("lead", "lead_low", "lead_high"), map(float, own), strict=True))
        rows.append({"metric": metric, "at": float(place)} | near | {"below": below, "above": above} | lead)
    return rows


def _levels_of(
    pairs: pd.DataFrame, metric: str, items: pd.DataFrame, column: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Items [n], places of the levels [L], and columns of differences and memberships by level [n, 2 L]."""
    known = items[items["item"].isin(pairs["item"]) & items[column].notna()].reset_index(drop=True)
    levels = pd.DataFrame({"item": known["item"], "x": known[column], "level": condition_column(known, column)})
    pairs = pairs.merge(levels, on="item", validate="1:1")
    places = pairs.groupby("level", observed=True, sort=True)["x"].mean()
    inside = pairs["level"].astype(str).to_numpy()[:, None] == np.array([str(name) for name in places.index])
    difference = sign_of(metric) * (pairs["a"] - pairs["b"]).to_numpy()[:, None]
    columns = np.concatenate([difference * inside, inside], axis=1)
    return pairs["item"].to_numpy(), places.to_numpy(np.float64), columns


def _area_of(drawn: Resamples, at: np.ndarray, confidence: float) -> tuple[float, float, float]:
    """Area under the curve of differences by the trapezoid rule, and its bounds."""

    def area(means: np.ndarray) -> np.ndarray:
        curves = _joined(_curve(np.atleast_2d(means)), at)
        total = ((curves[:, 1:] + curves[:, :-1]) / 2) @ np.diff(at)
        return total[:, None] if means.ndim > 1 else total

    found = estimate(drawn, area, confidence=confidence)
    return float(found.value[0]), float(found.low[0]), float(found.high[0])


def _curve(means: np.ndarray) -> np.ndarray:
    """Mean at each level from the means of differences and of memberships, [..., 2 L] -> [..., L]."""
    n_levels = means.shape[-1] // 2
    total, count = means[..., :n_levels], means[..., n_levels:]
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def _joined(curves: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Draw straight lines over levels that a resample has no item at."""
    for row in np.flatnonzero(np.isnan(curves).any(axis=1)):
        known = ~np.isnan(curves[row])
        curves[row] = np.interp(at, at[known], curves[row, known], left=np.nan, right=np.nan)
    return curves


def _crossings(curves: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Where each curve is zero between two levels, [n, L] -> [n, L - 1], NaN where it is not."""
    left, right = curves[:, :-1], curves[:, 1:]
    crosses = left * right < 0
    share = np.divide(left, left - right, out=np.full_like(left, np.nan), where=crosses)
    return at[:-1] + share * np.diff(at)


def _near(resampled: np.ndarray, place: float, confidence: float) -> dict[str, float]:
    some = resampled[~np.isnan(resampled).all(axis=1)]
    if not len(some):
        return {"low": math.nan, "high": math.nan, "found": 0.0}
    nearest = some[np.arange(len(some)), np.nanargmin(np.abs(some - place), axis=1)]
    low, high = np.quantile(nearest, [(1 - confidence) / 2, (1 + confidence) / 2])
    return {"low": float(low), "high": float(high), "found": len(some) / len(resampled)}
