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
        "worst", "median", "best", "better than 20 % of the items" ...; empty when items could not be ranked.
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


def choose_items(improvement: pd.Series, snr_db: pd.Series, n: int) -> list[Choice]:
    """Choose items across the range of improvement and of SNR, the most telling first.

    The first three are the worst, the best and the median. Each further one comes from the neighbourhood of a
    quantile half-way between earlier ones: there, the item whose SNR is farthest from all chosen so far.

    Parameters
    ----------
    improvement : Series indexed by item
        NaN where unknown; such items are never chosen while others are left.
    snr_db : Series indexed by item
    n : int
        Number of items wanted.

    Examples
    --------
    >>> gain = pd.Series([0.3, 0.1, 0.2, 0.0, 0.4])
    >>> [(c.item, c.why) for c in choose_items(gain, pd.Series(0.0, index=gain.index), 3)]
    [(3, 'worst'), (4, 'best'), (2, 'median')]
    """
    known = improvement.dropna().sort_values(kind="stable")
    if known.empty:
        places = np.unique(np.linspace(0, len(improvement) - 1, min(n, len(improvement))).astype(int))
        return [Choice(int(improvement.index[place]), "", math.nan) for place in places]
    chosen: list[Choice] = []
    reach = len(known) / (2 * n)
    for quantile in _quantiles():
        if len(chosen) == min(n, len(known)):
            break
        target = quantile * (len(known) - 1)
        taken = {choice.item for choice in chosen}
        rank = _pick(known, snr_db, taken, target, 0 if len(chosen) < 3 else reach)
        why = {0.0: "worst", 1.0: "best", 0.5: "median"}.get(quantile, "")
        why = why or f"better than {100 * rank / len(known):.0f} % of the items"
        chosen.append(Choice(int(known.index[rank]), why, float(known.iloc[rank])))
    return chosen


def _quantiles() -> Iterator[float]:
    """0, 1, 1/2, 1/4, 3/4, 1/8, ...: every prefix is spread evenly."""
    yield from (0.0, 1.0)
    parts = 2
    while True:
        yield from (k / parts for k in range(1, parts, 2))
        parts *= 2


def _pick(known: pd.Series, snr_db: pd.Series, taken: set[int], target: float, reach: float) -> int:
    """Rank of the free item within ``reach`` of ``target`` whose SNR is farthest from those taken."""
    free = [rank for rank, item in enumerate(known.index) if item not in taken]
    near = [rank for rank in free if abs(rank - target) <= reach] or free
    heard = np.array([snr_db[item] for item in taken], dtype=float)

    def merit(rank: int) -> tuple[float, float]:
        distance = np.abs(heard - float(snr_db[known.index[rank]])) if reach else np.empty(0)
        finite = distance[np.isfinite(distance)]
        return (float(finite.min()) if finite.size else 0.0, -abs(rank - target))

    return max(near, key=merit)
