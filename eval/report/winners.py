"""Who is best in each group of a section: a map of names and colours."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from percepkit.eval.report.roster import Entry, of_role
from percepkit.eval.report.sections import POLICY, Section
from percepkit.eval.report.table import MetricCard
from percepkit.eval.winners import winners

__all__ = ["Win", "WinnerMap", "map_winners"]

_METRICS = 6  # the first ones, as on the rest of the page


@dataclass(frozen=True)
class Win:
    """The best of one group by one metric; ``ahead`` if it leads the second beyond chance."""

    best: Entry
    ahead: bool
    lead: str
    told: str


@dataclass(frozen=True)
class WinnerMap:
    """One row a group, one cell a metric; None where there are no two to compare."""

    cards: list[MetricCard]
    rows: list[tuple[str, list[Win | None]]]


def map_winners(
    scores: pd.DataFrame,
    items: pd.DataFrame,
    entries: Sequence[Entry],
    cards: Sequence[MetricCard],
    sections: Sequence[Section],
    clusters: Sequence[str],
) -> dict[str, WinnerMap]:
    """Find the winners of every section among the denoisers and the noisy input, by the section's name.

    Returns
    -------
    dict of WinnerMap
        Empty where fewer than two take part.
    """
    by_name = {entry.name: entry for entry in of_role(entries, "noisy", "denoiser")}
    if len(by_name) < 2 or not of_role(entries, "denoiser"):
        return {}
    chosen = [card for card in cards[:_METRICS] if (scores["metric"] == card.name).any()]
    inside = scores[scores["denoiser"].isin(by_name) & scores["metric"].isin([card.name for card in chosen])]
    maps = {}
    for section in sections:
        kept = items.assign(group=section.groups.values)[section.groups.values.notna()]
        found = winners(
            inside[inside["item"].isin(kept["item"])],
            kept,
            ["group"],
            names=list(by_name),
            clusters=clusters,
            policy=POLICY,
        )
        wins = {
            (str(row["group"]), row["metric"]): _win(row, by_name, {card.name: card for card in chosen})
            for row in found.to_dict("records")
        }
        rows = [(label, [wins.get((label, card.name)) for card in chosen]) for label in section.groups.labels]
        maps[section.name] = WinnerMap(chosen, rows)
    return maps


def _win(row: dict[str, object], by_name: dict[str, Entry], cards: dict[str, MetricCard]) -> Win:
    card, best, second = cards[str(row["metric"])], str(row["best"]), str(row["second"])
    lead, low, high, p = (float(str(row[name])) for name in ("lead", "low", "high", "p_holm"))
    test = "" if pd.isna(p) else ", p < 0.001" if p < 0.001 else f", p = {p:.3f}"
    told = f"{best} leads {second} by {card.number(lead)} {card.interval(low, high)} on {row['n']} items{test}"
    return Win(by_name[best], bool(row["ahead"]), f"{card.number(lead, sign=True)} over {second}", told)
