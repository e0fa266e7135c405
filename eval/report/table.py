"""The score table, its legend, and the sentence that sums the page up."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from percepkit.eval import metrics
from percepkit.eval.report.roster import Entry, of_role
from percepkit.eval.score import NOISY

__all__ = ["Cell", "MetricCard", "Row", "make_rows", "metric_cards", "sum_up"]

# The first of these that was scored ranks denoisers and chooses items to listen to.
ORDER = ("pesq_wb", "pesq_nb", "stoi", "estoi", "si_sdr")


@dataclass(frozen=True)
class MetricCard:
    """What a reader must know to read one metric's numbers.

    Attributes
    ----------
    name, label : str
        As in the scores, and as printed ("pesq_wb", "PESQ-WB").
    unit : str
        Empty for pure numbers.
    low, high : float
        Range of values; infinite where open.
    better : {"higher", "lower"}
    version : str
        Of the metric's definition or backend, from the scores.
    summary, source : str
        One line on what is measured, and who defined it.
    """

    name: str
    label: str
    unit: str
    low: float
    high: float
    better: str
    version: str
    summary: str = ""
    source: str = ""

    @property
    def decimals(self) -> int:
        """3 for metrics within a range of at most 2, else 2."""
        return 3 if self.high - self.low <= 2 else 2

    @property
    def legend(self) -> str:
        """Range, unit, direction and version in words."""
        span = f"{_edge(self.low)} to {_edge(self.high)}{f' {self.unit}' if self.unit else ''}"
        version = f"; version {self.version}" if self.version else ""
        return f"Range {span}, {self.better} is better{version}"

    def number(self, value: float, *, sign: bool = False) -> str:
        """``value`` with this metric's decimals and a true minus sign; a dash for NaN."""
        if math.isnan(value):
            return "–"
        rounded = round(value, self.decimals) + 0.0  # no minus before a zero
        text = f"{rounded:{'+' if sign else ''}.{self.decimals}f}"
        return text.replace("-", "−")

    def interval(self, low: float, high: float, *, sign: bool = False) -> str:
        """``[low, high]``, empty when there is none."""
        if math.isnan(low) or math.isnan(high):
            return ""
        return f"[{self.number(low, sign=sign)}, {self.number(high, sign=sign)}]"

    def best_of(self, rows: pd.DataFrame, entries: Sequence[Entry]) -> Entry | None:
        """The entry with the best mean in ``rows`` (indexed by denoiser), None when nobody has one."""
        scored = [entry for entry in entries if entry.name in rows.index and rows.loc[entry.name, "n_ok"] > 0]
        flip = 1 if self.better == "higher" else -1
        return max(scored, key=lambda entry: flip * rows.loc[entry.name, "mean"], default=None)


@dataclass(frozen=True)
class Cell:
    """One mean, ready to print; ``low``, ``middle``, ``width``: its place on the column's scale, per cent."""

    mean: str
    interval: str
    delta: str
    delta_interval: str
    verdict: str  # "better", "worse" (the interval of the improvement excludes 0) or ""
    coverage: str
    complete: bool
    best: bool
    sort_key: float | None
    low: float
    middle: float
    width: float


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    entry: Entry
    cells: list[Cell]


def metric_cards(scores: pd.DataFrame) -> list[MetricCard]:
    """Cards of the scored metrics: PESQ first, those we do not know last.

    Parameters
    ----------
    scores : DataFrame
        With columns ``metric`` and ``metric_version``.
    """
    names = sorted(str(name) for name in scores["metric"].unique())
    versions = {str(name): rows for name, rows in scores.groupby("metric")["metric_version"].unique().items()}
    ordered = sorted(names, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))
    return [_card(name, versions[name]) for name in ordered]


def _card(name: str, versions: Sequence[Any]) -> MetricCard:
    label = name.upper().replace("_", "-")
    version = ", ".join(sorted(str(v) for v in versions if not pd.isna(v)))
    try:
        spec = metrics.load(name).SPEC
    except ValueError:  # a third party's metric that is not installed here
        return MetricCard(name, label, "", -math.inf, math.inf, "higher", version, "not installed here")
    unit = "" if spec.unit[name] == "1" else spec.unit[name]
    low, high = spec.range[name]
    return MetricCard(name, label, unit, float(low), float(high), spec.better, version, spec.summary, spec.source)


def make_rows(summary: pd.DataFrame, entries: Sequence[Entry], cards: Sequence[MetricCard]) -> list[Row]:
    """Lay out means, intervals, improvements and coverage: one row an entry, one cell a metric.

    Returns
    -------
    list of Row
        Noisy, then denoisers, oracles and anchors, each from the best to the worst by the first metric.
    """
    columns = [_column(summary, entries, card) for card in cards]
    rows = [Row(entry, [column[entry.name] for column in columns]) for entry in entries]
    flip = -1 if cards[0].better == "higher" else 1

    def rank(row: Row) -> tuple[int, float]:
        key = row.cells[0].sort_key
        return ("noisy", "denoiser", "oracle", "anchor").index(
            row.entry.role
        ), math.inf if key is None else flip * key

    return sorted(rows, key=rank)


def sum_up(summary: pd.DataFrame, entries: Sequence[Entry], card: MetricCard) -> str:
    """Say in plain words who is best by ``card``, by how much, and what the oracles show to be reachable."""
    rows = summary[summary["metric"] == card.name].set_index("denoiser")
    best = card.best_of(rows, of_role(entries, "denoiser"))
    oracle = card.best_of(rows, of_role(entries, "oracle"))
    sentences = []
    if best is None:
        sentences.append(f"No denoiser has a {card.label} score.")
    else:
        sentences.append(_praise(rows.loc[best.name], best, card))
    if oracle is not None:
        row = rows.loc[oracle.name]
        gain = _gain(row, card)
        sentences.append(
            f"The best oracle, {oracle.name}, which sees the clean speech, reaches {gain}: "
            "a denoiser of its form has about that much to gain."
        )
    return " ".join(sentences)


def _praise(row: Any, best: Entry, card: MetricCard) -> str:
    gain, items = _gain(row, card), f"{_items(row)} items"
    worth = _verdict(row, card)
    if worth == "better" or math.isnan(row["delta"]):
        return f"Best of the denoisers: {best.name}, {card.label} {gain} on {items}."
    if worth == "worse":
        return f"Every denoiser lowers quality by {card.label}; {best.name} does least harm: {gain} on {items}."
    return (
        "No denoiser is reliably better than the noisy input; "
        f"the best is {best.name}, {card.label} {gain} on {items}."
    )


def _items(row: Any) -> int:
    """Items that the gain is about: those that the noisy input has a score for too."""
    return int(row["n_ok"] if math.isnan(row["delta"]) else row["delta_n"])


def _gain(row: Any, card: MetricCard) -> str:
    if math.isnan(row["delta"]):
        return f"{card.number(row['mean'])} {card.interval(row['low'], row['high'])}".rstrip()
    span = card.interval(row["delta_low"], row["delta_high"], sign=True)
    return f"{card.number(row['delta'], sign=True)} {span} over noisy".replace("  ", " ")


def _verdict(row: Any, card: MetricCard) -> str:
    low, high = row["delta_low"], row["delta_high"]
    if card.better == "lower":
        low, high = -high, -low
    return "better" if low > 0 else "worse" if high < 0 else ""


def _column(summary: pd.DataFrame, entries: Sequence[Entry], card: MetricCard) -> dict[str, Cell]:
    rows = summary[summary["metric"] == card.name].set_index("denoiser")
    best = card.best_of(rows, of_role(entries, "denoiser"))
    scale = rows[rows.index.isin([entry.name for entry in entries if entry.role != "anchor"])]
    bottom = scale[["low", "mean"]].min(axis=None)
    top = scale[["high", "mean"]].max(axis=None)
    span = (top - bottom) or 1.0
    return {
        entry.name: _cell(rows, entry, card, best, bottom, span) if entry.name in rows.index else _empty()
        for entry in entries
    }


def _cell(
    rows: pd.DataFrame, entry: Entry, card: MetricCard, best: Entry | None, bottom: float, span: float
) -> Cell:
    row = rows.loc[entry.name]
    mean, n_ok, n = float(row["mean"]), int(row["n_ok"]), int(row["n"])
    low, high = (mean if math.isnan(row[side]) else float(row[side]) for side in ("low", "high"))
    improved = entry.name != NOISY and not math.isnan(row["delta"])
    delta = card.number(row["delta"], sign=True) if improved else ""
    verdict = _verdict(row, card)

    def place(value: float) -> float:  # anchors may lie beyond the scale
        return 0.0 if math.isnan(mean) else round(min(max(100 * (value - bottom) / span, 0), 100), 2)

    return Cell(
        mean=card.number(mean),
        interval=card.interval(row["low"], row["high"]),
        delta=delta,
        delta_interval=card.interval(row["delta_low"], row["delta_high"], sign=True) if improved else "",
        verdict=verdict if improved and delta.strip("+0.") else "",  # what prints as zero is no difference
        coverage=f"{n_ok}/{n}",
        complete=n_ok == n,
        best=entry is best and verdict != "worse",
        sort_key=None if math.isnan(mean) else mean,
        low=place(low),
        middle=place(mean),
        width=round(place(high) - place(low), 2),
    )


def _empty() -> Cell:
    return Cell("–", "", "", "", "", "not scored", False, False, None, 0.0, 0.0, 0.0)


def _edge(value: float) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:g}".replace("-", "−")
