"""The plots of the page, section by section."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from percepkit.eval.report.conditions import Groups, class_groups, room_groups, snr_groups
from percepkit.eval.report.plots import plot_ladder, plot_lines, plot_rows
from percepkit.eval.report.roster import Entry, of_role
from percepkit.eval.report.table import MetricCard
from percepkit.eval.score import NOISY
from percepkit.eval.statistics import summarise

__all__ = ["Section", "make_sections"]


@dataclass(frozen=True)
class Section:
    """Plots of all metrics by one condition.

    Attributes
    ----------
    name, title, lead, note : str
    legend : list of Entry
    figures : list of Markup
        One ``<svg>`` a metric.
    """

    name: str
    title: str
    lead: str
    note: str
    legend: list[Entry]
    figures: list[Markup]


def make_sections(
    scores: pd.DataFrame,
    items: pd.DataFrame,
    summary: pd.DataFrame,
    entries: Sequence[Entry],
    cards: Sequence[MetricCard],
) -> list[Section]:
    """Draw the sections that the corpus gives reason for.

    Parameters
    ----------
    scores, items : DataFrame
    summary : DataFrame
        Means over all items, from `summarise`.
    entries : sequence of Entry
    cards : sequence of MetricCard
        The first one ranks.
    """
    shown = _shown(summary, entries, cards[0])
    sections = [
        _snr(scores, items, shown, cards),
        _noise(scores, items, shown, cards),
        _room(scores, items, shown, cards),
    ]
    oracles = of_role(entries, "oracle")
    if oracles:
        figures = [plot_ladder(summary, entries, card) for card in cards]
        lead = (
            "Oracles see the clean speech. Each rung shows how good a denoiser of that form can be when it "
            "makes no mistake; the dashed line is the best real denoiser."
        )
        sections.append(Section("ladder", "The oracle ladder", lead, "", [], figures))
    return [section for section in sections if section is not None]


def _shown(summary: pd.DataFrame, entries: Sequence[Entry], card: MetricCard) -> list[Entry]:
    """Noisy, all denoisers and the best oracle: more lines than that nobody can read."""
    rows = summary[summary["metric"] == card.name].set_index("denoiser")
    best = card.best_of(rows, of_role(entries, "oracle"))
    return of_role(entries, "noisy", "denoiser") + ([best] if best else [])


def _snr(
    scores: pd.DataFrame, items: pd.DataFrame, shown: list[Entry], cards: Sequence[MetricCard]
) -> Section | None:
    groups = snr_groups(items)
    if groups is None:
        return None
    grouped = _summarise(scores, items, shown, groups)
    counts = "; ".join(f"{label}: {n}" for label, n in zip(groups.labels, groups.counts, strict=True))
    figures = [plot_lines(grouped, shown, groups, card) for card in cards]
    return Section(
        "snr", "Against SNR", _lead("bands and thin bars"), f"{groups.note} Items: {counts}.", shown, figures
    )


def _noise(
    scores: pd.DataFrame, items: pd.DataFrame, shown: list[Entry], cards: Sequence[MetricCard]
) -> Section | None:
    groups = class_groups(items)
    if groups is None:
        return None
    grouped = _summarise(scores, items, shown, groups)
    hard = grouped[(grouped["denoiser"] == NOISY) & (grouped["metric"] == cards[0].name)].sort_values("mean")
    groups = class_groups(items, list(hard["group"])) or groups
    note = f"Hardest classes (lowest {cards[0].label} of the noisy input) first; number of items in brackets."
    figures = [plot_rows(grouped, shown, groups, card, name="noise") for card in cards]
    return Section("noise", "By noise class", _lead("bars"), f"{note} {groups.note}".rstrip(), shown, figures)


def _room(
    scores: pd.DataFrame, items: pd.DataFrame, shown: list[Entry], cards: Sequence[MetricCard]
) -> Section | None:
    groups = room_groups(items)
    if groups is None:
        return None
    grouped = _summarise(scores, items, shown, groups)
    figures = [plot_rows(grouped, shown, groups, card, name="room") for card in cards]
    return Section("room", "By room", _lead("bars"), "Number of items in brackets.", shown, figures)


def _lead(what: str) -> str:
    return f"Means; the {what} are 95 % intervals. Point at a name to bring out its marks."


def _summarise(scores: pd.DataFrame, items: pd.DataFrame, shown: Sequence[Entry], groups: Groups) -> pd.DataFrame:
    kept = items.assign(group=groups.values)[groups.values.notna()]
    names = [entry.name for entry in shown]
    wanted = scores["item"].isin(kept["item"]) & scores["denoiser"].isin(names)
    return summarise(scores[wanted], kept, by=("group",))
