"""Summaries, comparisons and lists of items as sheets: tables of text."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from percepkit.eval import metrics as metric_floor
from percepkit.eval.bootstrap import FEW_CLUSTERS
from percepkit.eval.clusters import singular
from percepkit.eval.crossing import lead_of
from percepkit.eval.policies import better_of, unexpected
from percepkit.eval.tables import Sheet

__all__ = [
    "area_lines", "balanced_sheet", "comparison_sheet", "crossover_lines", "crossover_sheet", "failure_line",
    "item_sheet", "profile_sheet", "summary_sheets", "winner_sheet",
]  # fmt: skip

_RANKED_BY = "pesq_wb"
_DIGITS = {"dB": 1, "1": 3}  # decimal places by unit, else two
_MANY = 100_000  # clusters that nobody will ever have
_SHARES = ("oracle gap closed", "made worse")  # aspects that are shares, whatever the metric


def summary_sheets(summary: pd.DataFrame, *, by: Sequence[str] = ()) -> list[Sheet]:
    """Lay out means with intervals, one row per denoiser and one column per metric.

    Parameters
    ----------
    summary : DataFrame
        From `percepkit.eval.statistics.summarise`.
    by : sequence of str
        The conditions that it was computed for; each combination becomes a table of its own.

    Returns
    -------
    list of Sheet
        Best denoiser first, by wideband PESQ or else by the first metric. A cell reads
        ``2.31 [2.20, 2.43]``, on a second line the improvement over the noisy input on common items with
        its interval, and on a third how many items have a score, if not all have one.
    """
    if not by:
        return [_sheet(summary, "")]
    groups = summary.groupby(list(by), observed=True, sort=True)
    return [
        _sheet(group, ", ".join(f"{name} {level}" for name, level in zip(by, levels, strict=True)))
        for levels, group in groups
    ]


def balanced_sheet(table: pd.DataFrame, by: Sequence[str]) -> Sheet:
    """Lay out means over conditions, from `percepkit.eval.balance.balanced_summary`."""
    fewest, most = int(table["fewest"].iloc[0]), int(table["most"].iloc[0])
    counts = f"{fewest} items each" if fewest == most else f"of {fewest} to {most} items"
    title = f"every {' and '.join(by)} counts the same: {table['conditions'].max()} conditions {counts}"
    return _sheet(table, title)


def winner_sheet(table: pd.DataFrame, by: Sequence[str]) -> Sheet:
    """Lay out who is best where, from `percepkit.eval.winners.winners`: rows are conditions, columns metrics."""
    metrics = _ordered_metrics(table)
    rows = []
    for level, group in table.groupby(list(by), observed=True, sort=True):
        found = group.set_index("metric").to_dict("index")
        cells = [_winner(found[metric], _digits(metric)) if metric in found else "" for metric in metrics]
        rows.append([", ".join(map(str, level)), *cells])
    notes = [
        "best denoiser, and its lead over the second; * ahead beyond chance: paired test, corrected (Holm) over "
        f"this table, or where it has fewer than {FEW_CLUSTERS} clusters the interval"
    ]
    return Sheet([", ".join(by), *metrics], rows, "Best by condition", notes, tuple(metrics), ())


def area_lines(areas: pd.DataFrame, a: str, b: str, column: str) -> list[str]:
    """Say in words how far two curves lie apart, from `percepkit.eval.crossing.curve_areas`."""
    lines = []
    for row in areas.to_dict("records"):
        digits, span = _digits(row["metric"]) + 1, row["end"] - row["start"]
        area, low, high = row["area"], row["low"], row["high"]
        ahead = a if area > 0 else b
        if ahead == b:
            area, low, high = -area, -high, -low
        mean = f"{area / span:z.{digits}f}{_interval(low / span, high / span, digits)}"
        lines.append(
            f"{row['metric']}: {ahead} is ahead by {mean} on average over {column} {row['start']:.1f} to "
            f"{row['end']:.1f}; area between the curves {area:.2f}{_interval(low, high, 2)}"
        )
    return lines


def comparison_sheet(table: pd.DataFrame, a: str, b: str, *, by: Sequence[str] = ()) -> Sheet:
    """Lay out a comparison of two denoisers, from `percepkit.eval.comparison.compare`."""
    heads = ["difference\nmedian", "p (Holm)\npairs", "wins\nd_z", "detectable\nneeded"]
    columns = [*by, "metric", a, b, *heads, "verdict"]
    rows = []
    for row in table.to_dict("records"):
        digits = _digits(row["metric"])
        difference = f"{row['difference']:+z.{digits}f}{_interval(row['low'], row['high'], digits)}"
        cells = [
            _heading(row["metric"]),
            f"{row['mean_a']:z.{digits}f}",
            f"{row['mean_b']:z.{digits}f}",
            f"{difference}\n{row['median']:+z.{digits}f}",
            f"{_p(row['p_holm'])}\n{row['n']} of {row['n_items']}",
            f"{100 * row['win_rate']:.0f} %\n{row['d_z']:z.2f}",
            f"{row['detectable']:.{digits + 1}f}\n{_needed(row)}",
        ]
        shown = [cell.replace("+nan", "").replace("nan %", "").replace("nan", "") for cell in cells]
        rows.append([*(str(row[name]) for name in by), *shown, row["verdict"]])
    notes = [
        f"difference: {a} - {b} [95 % interval], below it its median over items; pairs: items with both scores; "
        f"wins: share of items on which {a} is better, below it the effect size d_z; detectable: the difference "
        "found with a power of 0.8, below it how many would find one as large as here / as the margin",
        "clusters: " + "; ".join(dict.fromkeys(table["clusters"][table["clusters"] != ""])),
    ]
    return Sheet(columns, rows, notes=notes, left=(*by, "metric", "verdict"))


def crossover_lines(crossings: pd.DataFrame, column: str) -> list[str]:
    """Say in words where curves cross, from `percepkit.eval.anchors.crossovers`."""
    return [
        f"{row['metric']}: {row['below']} is ahead below {column} {row['at']:.1f} "
        f"[{row['low']:.1f}, {row['high']:.1f}], {row['above']} above; "
        f"the curves cross in {100 * row['found']:.0f} % of the resamples"
        for row in crossings.to_dict("records")
    ]


def crossover_sheet(crossings: pd.DataFrame, column: str) -> Sheet:
    """Lay out where the order of two denoisers turns, from `percepkit.eval.crossing.sure_crossovers`."""
    rows = [
        [
            row["metric"],
            row["below"],
            f"{row['at']:.1f} [{row['low']:.1f}, {row['high']:.1f}]",
            row["above"],
            _lead(row, _digits(row["metric"]) + 1),
        ]
        for row in crossings.to_dict("records")
    ]
    notes = [
        "pairs whose curves cross once, and in at least 95 % of the resamples; 95 % intervals; on average: over "
        f"the whole range of {column}, the area between the curves divided by its width"
    ]
    head = ["metric", "ahead below", f"{column} where they cross", "ahead above", "ahead on average"]
    return Sheet(
        head, rows, f"Crossovers over {column}", notes, ("ahead below", "ahead above", "ahead on average")
    )


def profile_sheet(table: pd.DataFrame) -> Sheet:
    """Lay out a profile, from `percepkit.eval.profile.profile`: one row per aspect, one column per denoiser."""
    names = sorted(table["denoiser"].unique())
    rows = []
    for (aspect, metric), group in table.groupby(["aspect", "metric"], sort=False):
        digits = 2 if aspect in _SHARES else _digits(metric)
        cells = {row["denoiser"]: row for row in group.to_dict("records")}
        texts = [_profile_cell(cells[name], digits) if name in cells else "" for name in names]
        rows.append([aspect, metric, str(int(group["n"].max())), *texts])
    notes = [
        "improvements over the noisy input, positive is better, with 95 % intervals; voice distortion is the mean "
        "itself, unseen noise the improvement there less that on the other noises"
    ]
    head = ["aspect", "metric", "items", *names]
    return Sheet(head, rows, notes=notes, left=("metric",), repeat=("metric", "items"))


def item_sheet(listed: pd.DataFrame, metric: str) -> Sheet:
    """Lay out items and their scores, from `percepkit.eval.worst.item_scores`."""
    digits = _digits(metric) + 1
    numbers = ("noisy", "score", "improvement")
    rows = []
    for row in listed.to_dict("records"):
        cells = {name: "" if pd.isna(value) else str(value) for name, value in row.items()}
        cells |= {name: f"{row[name]:z.{digits}f}" for name in numbers if not pd.isna(row[name])}
        rows.append(list(cells.values()))
    return Sheet(list(map(str, listed.columns)), rows)


def failure_line(scores: pd.DataFrame) -> str:
    """Count in one line the scores that could not be computed, by their status; nobody expects one of silence.

    Examples
    --------
    >>> failure_line(pd.DataFrame({"denoiser": "wiener", "status": ["ok", "too_short", "ok", "too_short"]}))
    '2 of 4 scores are missing: too_short 2'
    """
    scores = unexpected(scores)
    missing = scores["status"][scores["status"] != "ok"].value_counts().sort_index()
    if missing.empty:
        return f"all {len(scores)} scores were computed"
    counts = ", ".join(f"{status} {count}" for status, count in missing.items())
    return f"{missing.sum()} of {len(scores)} scores are missing: {counts}"


def _sheet(summary: pd.DataFrame, title: str) -> Sheet:
    metrics = _ordered_metrics(summary)
    rows = summary.set_index(["denoiser", "metric"])
    lines = []
    for denoiser in _ranked(summary, metrics[0]):
        present = [metric for metric in metrics if (denoiser, metric) in rows.index]
        cells = {metric: _cell(rows.loc[(denoiser, metric)], _digits(metric)) for metric in present}
        n_items = str(summary["n"][summary["denoiser"] == denoiser].max())
        lines.append([denoiser, *(cells.get(metric, "") for metric in metrics), n_items])
    return Sheet(["denoiser", *map(_heading, metrics), "n"], lines, title, repeat=("n",))


def _ordered_metrics(summary: pd.DataFrame) -> list[str]:
    return sorted(summary["metric"].unique(), key=lambda metric: (metric != _RANKED_BY, metric))


def _ranked(summary: pd.DataFrame, metric: str) -> list[str]:
    """Denoisers from the best to the worst; those without a value come last."""
    mean = summary[summary["metric"] == metric].set_index("denoiser")["mean"]
    sign = -1.0 if better_of(metric) == "higher" else 1.0
    score = {name: sign * mean.get(name, math.nan) for name in summary["denoiser"].unique()}
    return sorted(score, key=lambda name: (np.nan_to_num(score[name], nan=math.inf), name))


def _unit(metric: str) -> str:
    return metric_floor.load(metric).SPEC.unit[metric] if metric in metric_floor.names() else "1"


def _digits(metric: str) -> int:
    return _DIGITS.get(_unit(metric), 2)


def _heading(metric: str) -> str:
    unit = _unit(metric)
    arrow = "↑" if better_of(metric) == "higher" else "↓"
    return f"{metric} {arrow}\n{'' if unit == '1' else unit}"


def _cell(row: pd.Series, digits: int) -> str:
    """Format ``mean [low, high]``, the improvement below, and the coverage where scores are missing."""
    n_ok, n_items = int(row["n_ok"]), int(row["n"])
    coverage = f"{n_ok} of {n_items}" if n_ok else f"none of {n_items}"
    if math.isnan(row["mean"]):
        return coverage
    text = f"{row['mean']:z.{digits}f}{_interval(row['low'], row['high'], digits)}"
    if row["delta_n"]:
        text += f"\n{row['delta']:+z.{digits}f}{_interval(row['delta_low'], row['delta_high'], digits)}"
    return text if n_ok == n_items else f"{text}\n{coverage}"


def _profile_cell(row: dict[Any, Any], digits: int) -> str:
    if math.isnan(row["value"]):
        return ""
    sign = "" if row["aspect"] in ("voice distortion", *_SHARES) else "+"
    interval = _interval(row["low"], row["high"], digits).replace(" [", "\n[")
    return f"{row['value']:{sign}z.{digits}f}{interval}"


def _lead(row: dict[Any, Any], digits: int) -> str:
    ahead, lead, low, high = lead_of(row)
    return f"{ahead} by {lead:z.{digits}f}{_interval(low, high, digits)}"


def _winner(row: dict[Any, Any], digits: int) -> str:
    return f"{row['best']}{' *' if row['ahead'] else ''}\n{row['lead']:+z.{digits}f} over {row['second']}"


def _needed(row: dict[Any, Any]) -> str:
    """Clusters for the difference seen / for the margin, of the kind that there are fewest of."""
    counts = [count for count in (row["needed"], row["needed_margin"]) if not math.isnan(count)]
    texts = [f"{count:.0f}" if count < _MANY else f"> {_MANY - 1}" for count in counts]
    return f"{' / '.join(texts)} {singular(row['scarcest'])}s" if texts else ""


def _p(value: float) -> str:
    if math.isnan(value):
        return ""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _interval(low: float, high: float, digits: int) -> str:
    return "" if math.isnan(low) else f" [{low:z.{digits}f}, {high:z.{digits}f}]"
