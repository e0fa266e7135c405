"""Rank correlations between metrics as a map of numbers and colours."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from percepkit.eval.agreement import rank_correlations
from percepkit.eval.flags import AUDITS
from percepkit.eval.report.roster import Entry, of_role
from percepkit.eval.report.table import MetricCard

__all__ = ["Agreement", "Likeness", "map_agreement"]

_WEAK = 0.3


@dataclass(frozen=True)
class Likeness:
    """One correlation as it is printed and coloured: ``share`` is its magnitude, per cent."""

    text: str
    share: int
    against: bool
    told: str


@dataclass(frozen=True)
class Agreement:
    """Correlations of scores below the diagonal, of improvements above it; None on it.

    Attributes
    ----------
    cards : list of MetricCard
    rows : list of lists of Likeness
    gains : bool
        Whether there are improvements.
    doubt : str
        The two metrics that agree least about improvements, if that is little.
    """

    cards: list[MetricCard]
    rows: list[list[Likeness | None]]
    gains: bool
    doubt: str


def map_agreement(scores: pd.DataFrame, entries: Sequence[Entry], cards: Sequence[MetricCard]) -> Agreement | None:
    """Correlate the metrics over items, denoiser by denoiser; None without two metrics that can be correlated."""
    chosen = [card for card in cards if card.name not in AUDITS]
    names = [entry.name for entry in of_role(entries, "denoiser")]
    metrics = [card.name for card in chosen]
    if len(chosen) < 2 or not names:
        return None
    below = rank_correlations(scores, names, metrics=metrics).to_numpy()
    above = np.full_like(below, np.nan)
    if of_role(entries, "noisy"):
        above = rank_correlations(scores, names, metrics=metrics, gains=True).to_numpy()
    lower, upper = np.tril(np.ones_like(below, dtype=bool), -1), np.triu(np.ones_like(below, dtype=bool), 1)
    if np.isnan(below[lower]).all():
        return None
    values = np.where(lower, below, above)
    likeness = [
        [_likeness(float(values[i, j]), one, other, gains=j > i) for j, other in enumerate(chosen)]
        for i, one in enumerate(chosen)
    ]
    rows = [[None if i == j else cell for j, cell in enumerate(row)] for i, row in enumerate(likeness)]
    return Agreement(
        chosen, rows, not np.isnan(above[upper]).all(), _doubt(np.where(upper, above, np.nan), chosen)
    )


def _likeness(value: float, one: MetricCard, other: MetricCard, *, gains: bool) -> Likeness:
    what = "improvements" if gains else "scores"
    if np.isnan(value):
        return Likeness("–", 0, False, f"{one.label} and {other.label}: no correlation of {what}")
    text = f"{value:z.2f}".replace("-", "−")
    return Likeness(text, round(100 * abs(value)), value < 0, f"{one.label} and {other.label}, {what}: {text}")


def _doubt(above: np.ndarray, cards: Sequence[MetricCard]) -> str:
    if np.isnan(above).all():
        return ""
    i, j = np.unravel_index(np.nanargmin(above), above.shape)
    value = float(above[i, j])
    if value >= _WEAK:
        return ""
    text = f"{value:z.2f}".replace("-", "−")
    manner = "contradict each other" if value < -_WEAK else "have little to do with each other"
    return f"Improvements by {cards[int(i)].label} and by {cards[int(j)].label} {manner} (ρ = {text})."
