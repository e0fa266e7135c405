"""The summary of a score table for a terminal."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from rich import box
from rich.table import Table

from percepkit.eval import metrics as metric_floor

__all__ = ["failure_line", "summary_tables"]

_RANKED_BY = "pesq_wb"
_DIGITS = {"dB": 1, "1": 3}  # decimal places by unit, else two


def summary_tables(summary: pd.DataFrame, *, by: Sequence[str] = ()) -> list[Table]:
    """Lay out means with intervals, one row per denoiser and one column per metric.

    Parameters
    ----------
    summary : DataFrame
        From `percepkit.eval.statistics.summarise`.
    by : sequence of str
        The conditions that it was computed for; each combination becomes a table of its own.

    Returns
    -------
    list of rich.table.Table
        Best denoiser first, by wideband PESQ or else by the first metric. A cell reads
        ``2.31 [2.20, 2.43]``, on a second line the improvement over the noisy input on common items with
        its interval, and on a third how many items have a score, if not all have one.
    """
    if not by:
        return [_table(summary, "")]
    groups = summary.groupby(list(by), observed=True, sort=True)
    return [
        _table(group, ", ".join(f"{name} {level}" for name, level in zip(by, levels, strict=True)))
        for levels, group in groups
    ]


def failure_line(scores: pd.DataFrame) -> str:
    """Count in one line the scores that could not be computed, by their status.

    Examples
    --------
    >>> failure_line(pd.DataFrame({"status": ["ok", "too_short", "ok", "too_short"]}))
    '2 of 4 scores are missing: too_short 2'
    """
    missing = scores["status"][scores["status"] != "ok"].value_counts().sort_index()
    if missing.empty:
        return f"all {len(scores)} scores were computed"
    counts = ", ".join(f"{status} {count}" for status, count in missing.items())
    return f"{missing.sum()} of {len(scores)} scores are missing: {counts}"


def _table(summary: pd.DataFrame, title: str) -> Table:
    metrics = _ordered_metrics(summary)
    table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("denoiser")
    for metric in metrics:
        table.add_column(_heading(metric), justify="right")
    table.add_column("n", justify="right")
    rows = summary.set_index(["denoiser", "metric"])
    for denoiser in _ranked(summary, metrics[0]):
        present = [metric for metric in metrics if (denoiser, metric) in rows.index]
        cells = {metric: _cell(rows.loc[(denoiser, metric)], _digits(metric)) for metric in present}
        n_items = str(summary["n"][summary["denoiser"] == denoiser].max())
        table.add_row(denoiser, *(cells.get(metric, "") for metric in metrics), n_items)
    return table


def _ordered_metrics(summary: pd.DataFrame) -> list[str]:
    return sorted(summary["metric"].unique(), key=lambda metric: (metric != _RANKED_BY, metric))


def _ranked(summary: pd.DataFrame, metric: str) -> list[str]:
    """Denoisers from the best to the worst; those without a value come last."""
    mean = summary[summary["metric"] == metric].set_index("denoiser")["mean"]
    sign = -1.0 if _better(metric) == "higher" else 1.0
    score = {name: sign * mean.get(name, math.nan) for name in summary["denoiser"].unique()}
    return sorted(score, key=lambda name: (np.nan_to_num(score[name], nan=math.inf), name))


def _better(metric: str) -> str:
    return metric_floor.load(metric).SPEC.better if metric in metric_floor.names() else "higher"


def _unit(metric: str) -> str:
    return metric_floor.load(metric).SPEC.unit[metric] if metric in metric_floor.names() else "1"


def _digits(metric: str) -> int:
    return _DIGITS.get(_unit(metric), 2)


def _heading(metric: str) -> str:
    unit = _unit(metric)
    arrow = "↑" if _better(metric) == "higher" else "↓"
    return f"{metric} {arrow}\n{'' if unit == '1' else unit}"


def _cell(row: pd.Series, digits: int) -> str:
    """Format ``mean [low, high]``, the improvement below, and the coverage where scores are missing."""
    n_ok, n_items = int(row["n_ok"]), int(row["n"])
    if not n_ok:
        return f"none of {n_items}"
    text = f"{row['mean']:z.{digits}f}{_interval(row['low'], row['high'], digits)}"
    if row["delta_n"]:
        text += f"\n{row['delta']:+z.{digits}f}{_interval(row['delta_low'], row['delta_high'], digits)}"
    if n_ok < n_items:
        text += f"\n{n_ok} of {n_items}"
    return text


def _interval(low: float, high: float, digits: int) -> str:
    if math.isnan(low):
        return ""
    return rf" \[{low:z.{digits}f}, {high:z.{digits}f}]"  # rich reads a bare [ as a style
