"""Which items and which denoisers to listen to."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from percepkit.eval.report.roster import Entry, of_role

__all__ = ["Choice", "choose_entries", "choose_items"]

MAX_DENOISERS = 6


@dataclass(frozen=True)
class Choice:
    """An item to listen to.

    Attributes
    ----------
    item : int
    why : str
        "worst", "median", "best", "worst of babble" ...; empty when items could not be ranked.
    improvement : float
        Of the ranked denoiser over noisy; NaN when unknown.
    """

    item: int
    why: str
    improvement: float


def choose_entries(entries: Sequence[Entry], ranking: pd.Series) -> list[Entry]:
    """Noisy-to-enhanced methods to hear: the six best, one of them the best oracle if there is any.

    Parameters
    ----------
    entries : sequence of Entry
    ranking : Series indexed by name
        Higher is better; names without a value come last.
    """

    def ranked(role: Any) -> list[Entry]:
        able = [entry for entry in of_role(entries, role) if entry.instance is not None]
        return sorted(able, key=lambda entry: -ranking.get(entry.name, -math.inf))

    denoisers, oracles = ranked("denoiser"), ranked("oracle")
    chosen = denoisers[: MAX_DENOISERS - min(len(oracles), 1)]
    chosen += oracles[: MAX_DENOISERS - len(chosen)]
    return sorted(chosen, key=lambda entry: entry.index)


def choose_items(improvement: pd.Series, conditions: Sequence[pd.Series], n: int) -> list[Choice]:
    """Choose the worst, median and best item of all, and then of every condition, the most telling first.

    Conditions take turns: first the worst item of each, then the best, then the median; what was chosen before is
    passed over for its neighbour. Where items are left over, the next worst and best ones follow.

    Parameters
    ----------
    improvement : Series indexed by item
        NaN where unknown; such items are never chosen while others are left.
    conditions : sequence of Series indexed by item
        Each gives the condition of every item, as text or null ("5 dB"; "babble").
    n : int
        Number of items wanted.

    Examples
    --------
    >>> gain = pd.Series([0.3, 0.1, 0.2, 0.0, 0.4])
    >>> noise = pd.Series(["rain", "babble", "babble", "babble", "rain"])
    >>> [(c.item, c.why) for c in choose_items(gain, [noise], 5)]
    [(3, 'worst'), (4, 'best'), (2, 'median'), (1, 'worst of babble'), (0, 'worst of rain')]
    """
    known = improvement.dropna().sort_values(kind="stable")
    if known.empty:
        places = np.unique(np.linspace(0, len(improvement) - 1, min(n, len(improvement))).astype(int))
        return [Choice(int(improvement.index[place]), "", math.nan) for place in places]
    chosen: dict[int, Choice] = {}
    for item, why in _telling(known, conditions, chosen):
        if len(chosen) == min(n, len(known)):
            break
        chosen[item] = Choice(item, why, float(known[item]))
    return list(chosen.values())


def _telling(
    known: pd.Series, conditions: Sequence[pd.Series], chosen: dict[int, Choice]
) -> Iterator[tuple[int, str]]:
    """Free items with the reason to hear them, without end while any is left."""
    groups = [("", known)]
    for values in conditions:
        own = values.reindex(known.index)
        groups += [(f" of {label}", known[(own == label).to_numpy()]) for label in sorted(own.dropna().unique())]
    for share, rank in (("worst", 0.0), ("best", 1.0), ("median", 0.5)):
        item = _nearest(known, rank, chosen)
        if item is not None:
            yield item, share
    for share, rank in (("worst", 0.0), ("best", 1.0), ("median", 0.5)):
        for label, members in groups[1:]:
            item = _nearest(members, rank, chosen)
            if item is not None:
                yield item, share + label
    while len(chosen) < len(known):
        for share, rank in (("among the worst", 0.0), ("among the best", 1.0)):
            item = _nearest(known, rank, chosen)
            if item is not None:
                yield item, share


def _nearest(ranked: pd.Series, rank: float, chosen: dict[int, Choice]) -> int | None:
    """The free item nearest to a rank from 0 (the worst) to 1."""
    target = rank * (len(ranked) - 1)
    free = [(abs(place - target), place) for place, item in enumerate(ranked.index) if item not in chosen]
    return int(ranked.index[min(free)[1]]) if free else None
