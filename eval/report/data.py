"""What the browser gets to work with: scores of every item, conditions to filter by, and what to draw."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from percepkit.eval.policies import scored_values
from percepkit.eval.report.costs import Costs
from percepkit.eval.report.roster import Entry
from percepkit.eval.report.sections import Section, plain, shown_at_first
from percepkit.eval.report.table import MetricCard
from percepkit.eval.worst import item_scores, made_worse, worst_share

__all__ = ["MAX_LISTED", "page_data"]

#: Items in a list of the worst ones; the rest is counted.
MAX_LISTED = 40

_FIRST_METRICS = 6  # drawn before anybody chooses


def page_data(
    scores: pd.DataFrame,
    items: pd.DataFrame,
    summary: pd.DataFrame,
    entries: Sequence[Entry],
    cards: Sequence[MetricCard],
    sections: Sequence[Section],
    costs: Costs | None,
) -> dict[str, Any]:
    """Collect what is embedded in the page as JSON.

    Parameters
    ----------
    scores, items : DataFrame
        Items in the order of the page.
    summary : DataFrame
        Means over all items.
    entries, cards, sections
        The page's.
    costs : Costs, optional

    Returns
    -------
    dict
        Of plain values without NaN. ``values[metric][entry][item]`` is a number, None for a score that is
        missing, and False where none was asked for.
    """
    first = shown_at_first(entries, summary, cards[0])
    rows = summary.set_index(["metric", "denoiser"])
    return {
        "metrics": [
            {
                "name": card.name,
                "label": card.label,
                "unit": card.unit,
                "decimals": card.decimals,
                "better": card.better,
                "shown": place < _FIRST_METRICS,
            }
            for place, card in enumerate(cards)
        ],
        "entries": [
            {
                "name": entry.name,
                "role": entry.role,
                "colour": entry.colour,
                "marker": entry.marker,
                "dashes": entry.dashes,
                "shown": entry.index in first,
            }
            for entry in entries
        ],
        "items": [str(name) for name in items["item_id"]],
        "snr": plain(*items["snr_db"]),
        "conditions": {name: _codes(items, name) for name in ("noise_class", "room", "speaker")},
        "values": item_values(scores, items, entries, cards),
        "overall": [[_overall(rows, card, entry) for entry in entries] for card in cards],
        "sections": [section.data() for section in sections],
        "costs": costs.data(entries) if costs else None,
        "worst": worst_lists(scores, items, entries, cards[0]),
    }


def item_values(
    scores: pd.DataFrame, items: pd.DataFrame, entries: Sequence[Entry], cards: Sequence[MetricCard]
) -> list[list[list[float | bool | None]]]:
    """Scores as ``[metric][entry][item]``, with two digits more than are printed."""
    number = scored_values(scores).to_numpy(np.float64)
    table = scores[["item", "metric", "denoiser"]].assign(value=number, tried=True)
    wide = table.pivot(index="item", columns=["metric", "denoiser"], values=["value", "tried"]).reindex(
        items["item"]
    )
    found = []
    for card in cards:
        of_metric: list[list[float | bool | None]] = []
        for entry in entries:
            if ("value", card.name, entry.name) not in wide:
                of_metric.append([False] * len(items))
                continue
            values = wide[("value", card.name, entry.name)].to_numpy(np.float64)
            tried = wide[("tried", card.name, entry.name)].notna().to_numpy()
            pairs = zip(np.round(values, card.decimals + 2).tolist(), tried.tolist(), strict=True)
            of_metric.append(
                [False if not asked else value if np.isfinite(value) else None for value, asked in pairs]
            )
        found.append(of_metric)
    return found


def worst_lists(
    scores: pd.DataFrame, items: pd.DataFrame, entries: Sequence[Entry], card: MetricCard
) -> list[dict[str, Any]]:
    """For each denoiser: positions of the items it does worst on, and of those that it makes worse."""
    places = {item: place for place, item in enumerate(items["item"])}
    scored = set(scores.loc[scores["metric"] == card.name, "denoiser"])
    found = []
    for entry in entries:
        if entry.role != "denoiser" or entry.name not in scored:
            continue
        listed = item_scores(scores, items, entry.name, card.name)
        worst, worse = worst_share(listed), made_worse(listed)
        found.append(
            {
                "entry": entry.index,
                "n": int(listed["improvement"].notna().sum()),
                "n_worst": len(worst),
                "n_worse": len(worse),
                "worst": [places[item] for item in worst["item"].head(MAX_LISTED)],
                "worse": [places[item] for item in worse["item"].head(MAX_LISTED)],
            }
        )
    return found


def _codes(items: pd.DataFrame, name: str) -> dict[str, Any]:
    """Levels of a column, and each item's place among them; -1 where it is missing."""
    codes, levels = pd.factorize(items[name].astype(object), sort=True)
    return {"levels": [str(level) for level in levels], "codes": codes.tolist()}


def _overall(rows: pd.DataFrame, card: MetricCard, entry: Entry) -> list[float | None] | None:
    if (card.name, entry.name) not in rows.index:
        return None
    return plain(*rows.loc[(card.name, entry.name), ["mean", "low", "high", "n_ok"]])
