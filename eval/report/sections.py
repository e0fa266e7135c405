"""The plots of the page, section by section: what they show, and the numbers that the browser draws."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from percepkit.eval.report.conditions import Groups, class_groups, room_groups, snr_groups
from percepkit.eval.report.roster import Entry, of_role
from percepkit.eval.report.table import MetricCard
from percepkit.eval.score import NOISY
from percepkit.eval.statistics import summarise

__all__ = ["POLICY", "Section", "make_sections", "plain", "shown_at_first"]

#: Means are over the items that all have a score for, so that they can be compared.
POLICY = "common"


@dataclass(frozen=True)
class Section:
    """Plots of all metrics by one condition.

    Attributes
    ----------
    name, title, note : str
    kind : {"lines", "rows"}
        Curves over a number, or a row for each group.
    groups : Groups
    means : list
        ``[metric][entry][group]`` with mean, low, high and number of scores; None where nobody was scored.
    """

    name: str
    title: str
    note: str
    kind: str
    groups: Groups
    means: list[list[list[list[float | None] | None]]]

    def data(self) -> dict[str, Any]:
        """What the browser needs to draw it, and to draw it again for a part of the items."""
        places = {label: place for place, label in enumerate(self.groups.labels)}
        return {
            "name": self.name,
            "title": self.title,
            "kind": self.kind,
            "labels": self.groups.labels,
            "counts": self.groups.counts,
            "positions": self.groups.positions,
            "codes": [places.get(value, -1) for value in self.groups.values],
            "means": self.means,
        }


def make_sections(
    scores: pd.DataFrame,
    items: pd.DataFrame,
    entries: Sequence[Entry],
    cards: Sequence[MetricCard],
    clusters: Sequence[str],
) -> list[Section]:
    """Lay out the sections that the corpus gives reason for.

    Parameters
    ----------
    scores, items : DataFrame
    entries : sequence of Entry
    cards : sequence of MetricCard
        By the first one noise classes are ordered.
    clusters : sequence of str
        What items are resampled by.
    """

    def averaged(groups: Groups) -> pd.DataFrame:
        kept = items.assign(group=groups.values)[groups.values.notna()]
        inside = scores[scores["item"].isin(kept["item"])]
        return summarise(inside, kept, by=("group",), clusters=clusters, policy=POLICY)

    def section(name: str, title: str, note: str, kind: str, groups: Groups, table: pd.DataFrame) -> Section:
        return Section(name, title, note, kind, groups, _means(table, entries, cards, groups))

    found = []
    if (groups := snr_groups(items)) is not None:
        found.append(section("snr", "Against SNR", groups.note, "lines", groups, averaged(groups)))
    if (groups := class_groups(items)) is not None:
        table = averaged(groups)
        hard = table[(table["denoiser"] == NOISY) & (table["metric"] == cards[0].name)]
        hard = hard.sort_values("mean", ascending=cards[0].better == "higher")
        groups = class_groups(items, list(hard["group"])) or groups
        note = f"Hardest classes (by {cards[0].label} of the noisy input) first. {groups.note}".rstrip()
        found.append(section("noise", "By noise class", note, "rows", groups, table))
    if (groups := room_groups(items)) is not None:
        found.append(section("room", "By room", "", "rows", groups, averaged(groups)))
    return found


def shown_at_first(entries: Sequence[Entry], summary: pd.DataFrame, card: MetricCard) -> list[int]:
    """Positions of noisy, all denoisers and the best oracle: more marks than that nobody can read."""
    rows = summary[summary["metric"] == card.name].set_index("denoiser")
    best = card.best_of(rows, of_role(entries, "oracle"))
    return [entry.index for entry in of_role(entries, "noisy", "denoiser") + ([best] if best else [])]


def plain(*numbers: float) -> list[float | None]:
    """Numbers for JSON: five digits, None for NaN.

    Examples
    --------
    >>> plain(1.23456789, float("nan"))
    [1.2346, None]
    """
    return [None if pd.isna(number) else float(f"{number:.5g}") for number in numbers]


def _means(
    table: pd.DataFrame, entries: Sequence[Entry], cards: Sequence[MetricCard], groups: Groups
) -> list[list[list[list[float | None] | None]]]:
    columns = zip(
        *(table[name] for name in ("metric", "denoiser", "group", "mean", "low", "high", "n_ok")), strict=True
    )
    found = {(metric, name, group): plain(*numbers) for metric, name, group, *numbers in columns}
    return [
        [[found.get((card.name, entry.name, label)) for label in groups.labels] for entry in entries]
        for card in cards
    ]
