"""Plots by condition and the oracle ladder, as inline SVG whose bytes depend on the data alone."""

import io
import math
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pandas as pd
from markupsafe import Markup

from percepkit.eval.report.conditions import Groups
from percepkit.eval.report.roster import Entry, of_role
from percepkit.eval.report.table import MetricCard

__all__ = ["plot_ladder", "plot_lines", "plot_rows"]

WIDTH_INCHES = 3.9
LABEL_LENGTH = 20
GRID = "#e3e6ea"
INK = "#33383f"


def plot_lines(summary: pd.DataFrame, entries: Sequence[Entry], groups: Groups, card: MetricCard) -> Markup:
    """Mean of one metric against SNR: a line with a 95 % band for each entry.

    Parameters
    ----------
    summary : DataFrame
        Means with intervals by the column ``group`` (`percepkit.eval.statistics.summarise`).
    entries : sequence of Entry
        Drawn in this order; oracles dashed.
    groups : Groups
        With positions in dB.
    card : MetricCard

    Returns
    -------
    Markup
        An ``<svg>`` element; elements with an id that ends in ``.sN`` belong to entry N.
    """
    with _style(f"lines {card.name}"):
        figure, axes = _figure(2.75)
        for entry in entries:
            curve = _series(summary, entry, card, groups)
            dashes = (0, (4, 2)) if entry.role == "oracle" else entry.dashes
            band = axes.fill_between(curve["x"], curve["low"], curve["high"], color=entry.colour, alpha=0.13, lw=0)
            band.set_gid(f"lines-{card.name}-band.s{entry.index}")
            # A band needs two neighbours with intervals; bars show those that stand alone.
            bars = axes.vlines(curve["x"], curve["low"], curve["high"], color=entry.colour, alpha=0.3, lw=0.9)
            bars.set_gid(f"lines-{card.name}-bars.s{entry.index}")
            (line,) = axes.plot(
                curve["x"], curve["mean"], color=entry.colour, marker=entry.marker, ms=4.2, lw=1.5, ls=dashes
            )
            line.set_gid(f"lines-{card.name}.s{entry.index}")
        axes.set_xlabel("SNR of the noisy input (dB)")
        if len(groups.positions) <= 7:
            axes.set_xticks(groups.positions)
        _finish(axes, card)
        return _svg(figure, f"{card.label} against SNR")


def plot_rows(
    summary: pd.DataFrame, entries: Sequence[Entry], groups: Groups, card: MetricCard, *, name: str
) -> Markup:
    """Mean and 95 % interval of one metric for each group, one row a group, as dots.

    Parameters
    ----------
    summary, entries, groups, card
        As in `plot_lines`.
    name : str
        Tells this plot from the others on the page ("class", "room").
    """
    pitch = 0.8 / max(len(entries), 1)
    with _style(f"{name} {card.name}"):
        figure, axes = _figure(0.62 + 0.125 * len(groups.labels) * max(len(entries), 2.5))
        for row in range(0, len(groups.labels), 2):
            axes.axhspan(row - 0.5, row + 0.5, color="#f5f6f8", lw=0, zorder=0)
        for place, entry in enumerate(entries):
            curve = _series(summary, entry, card, groups)
            y = curve["x"] + (place - (len(entries) - 1) / 2) * pitch
            bars = axes.hlines(y, curve["low"], curve["high"], color=entry.colour, lw=1.3, alpha=0.75)
            bars.set_gid(f"{name}-{card.name}-bars.s{entry.index}")
            (dots,) = axes.plot(curve["mean"], y, color=entry.colour, marker=entry.marker, ms=4, lw=0)
            dots.set_gid(f"{name}-{card.name}.s{entry.index}")
        labels = [f"{_short(a)} ({n})" for a, n in zip(groups.labels, groups.counts, strict=True)]
        axes.set_yticks(range(len(labels)), labels)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        _finish(axes, card, horizontal=True)
        return _svg(figure, f"{card.label} by {name}")


def plot_ladder(summary: pd.DataFrame, entries: Sequence[Entry], card: MetricCard) -> Markup:
    """One metric from the noisy input up through the oracles, the best denoiser as a dashed line.

    Parameters
    ----------
    summary : DataFrame
        Means with intervals over all items.
    entries : sequence of Entry
        All entries; denoisers give the dashed line.
    card : MetricCard
    """
    rows = summary[summary["metric"] == card.name].set_index("denoiser")
    steps = [entry for entry in of_role(entries, "noisy", "oracle") if entry.name in rows.index]
    with _style(f"ladder {card.name}"):
        figure, axes = _figure(0.75 + 0.36 * len(steps))
        means = [rows.loc[entry.name, "mean"] for entry in steps]
        axes.plot(means, range(len(steps)), color="#9aa0a8", lw=1, zorder=1)
        for place, entry in enumerate(steps):
            row = rows.loc[entry.name]
            axes.hlines(place, row["low"], row["high"], color=entry.colour, lw=2.2, alpha=0.6)
            axes.plot(row["mean"], place, marker=entry.marker, color=entry.colour, ms=6)
            beside = axes.get_yaxis_transform()
            axes.text(1.02, place, card.number(row["mean"]), transform=beside, va="center", weight="bold")
        best = card.best_of(rows, of_role(entries, "denoiser"))
        if best is not None:
            axes.axvline(rows.loc[best.name, "mean"], color=best.colour, lw=1.3, ls=(0, (4, 2)), zorder=0)
            axes.set_xlabel(f"dashed: {_short(best.name)}, {card.number(rows.loc[best.name, 'mean'])}")
        axes.set_yticks(range(len(steps)), [_short(entry.name) for entry in steps])
        axes.set_ylim(-0.5, len(steps) - 0.5)
        axes.tick_params(axis="y", length=0)
        _finish(axes, card, horizontal=True)
        return _svg(figure, f"Oracle ladder, {card.label}")


def _series(summary: pd.DataFrame, entry: Entry, card: MetricCard, groups: Groups) -> pd.DataFrame:
    rows = summary[(summary["denoiser"] == entry.name) & (summary["metric"] == card.name)]
    places = dict(zip(groups.labels, groups.positions, strict=True))
    return (
        rows.assign(x=[places.get(label, math.nan) for label in rows["group"]])
        .dropna(subset=["x", "mean"])
        .sort_values("x")
    )


@contextmanager
def _style(salt: str) -> Iterator[None]:
    """Fixed salt and no mathematics in labels: `$` in a class name is a character like any other."""
    import matplotlib as mpl

    settings: dict[Any, Any] = {
        "svg.hashsalt": salt,
        "svg.fonttype": "none",
        "text.parse_math": False,
        "font.size": 8.5,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": "#9aa0a8",
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlesize": 9.5,
        "xtick.color": INK,
        "ytick.color": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()  # a user's matplotlibrc must not change the page
        mpl.rcParams.update(settings)
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # the browser has its own fonts
        yield


def _figure(height_inches: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_INCHES, height_inches), layout="constrained")
    return figure, figure.subplots()


def _finish(axes: Any, card: MetricCard, *, horizontal: bool = False) -> None:
    axes.set_title(f"{card.label}{f' ({card.unit})' if card.unit else ''}")
    axes.grid(axis="x" if horizontal else "y", color=GRID, lw=0.7)
    axes.set_axisbelow(True)
    if horizontal:
        axes.spines["left"].set_visible(False)


def _short(label: str) -> str:
    return label if len(label) <= LABEL_LENGTH else label[: LABEL_LENGTH - 1] + "…"


def _svg(figure: Any, title: str) -> Markup:
    """Draw, and strip what a file needs and a page must not have: prolog, size, style, equal ids."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style [^>]*>.*?</style>", "", text, flags=re.DOTALL)
    used = set(re.findall(r"#([^)\"]+)", text))
    text = re.sub(r'(<\w+) id="([^"]*)"', lambda tag: tag[0] if tag[2] in used or ".s" in tag[2] else tag[1], text)
    _, box, rest = re.split(r'(viewBox="[^"]*")[^>]*>', text, maxsplit=1)
    return Markup('<svg {} role="img" aria-label="{}">').format(Markup(box), title) + Markup(rest)
