"""Where denoisers change places over the SNR, as rows of a table with a drawing in it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from percepkit.eval.crossing import lead_of, sure_crossovers
from percepkit.eval.report.roster import Entry, of_role
from percepkit.eval.report.table import MetricCard

__all__ = ["Crossings", "Turn", "find_crossings"]

_METRICS = 6  # the first ones, as on the rest of the page
_MOST = 40


@dataclass(frozen=True)
class Turn:
    """Two denoisers, or one and the noisy input, whose order turns round at some SNR.

    Attributes
    ----------
    card : MetricCard
    column : int
        Position of the metric.
    below, above : Entry
        Who is ahead at lower and at higher SNRs.
    at, low, high : float
        SNR in dB where the curves cross, and its interval.
    left, middle, width : float
        The same on the drawing, per cent of its width.
    ahead : Entry
        Who is ahead on average over the whole range of SNRs, all alike.
    lead, lead_interval : str
        By how much: the area between the curves divided by the range.
    """

    card: MetricCard
    column: int
    below: Entry
    above: Entry
    at: float
    low: float
    high: float
    left: float
    middle: float
    width: float
    ahead: Entry
    lead: str
    lead_interval: str


@dataclass(frozen=True)
class Crossings:
    """The turns that are shown, from one end of the SNRs in dB to the other, and how many are not shown."""

    turns: list[Turn]
    lowest: float
    highest: float
    left_out: int


def find_crossings(
    scores: pd.DataFrame,
    items: pd.DataFrame,
    entries: Sequence[Entry],
    cards: Sequence[MetricCard],
    clusters: Sequence[str],
) -> Crossings | None:
    """Find the turns among the denoisers and the noisy input.

    Returns
    -------
    Crossings or None
        None without a denoiser, or where the corpus has one SNR or none; an empty list where no order turns.
    """
    contestants = of_role(entries, "noisy", "denoiser")
    snr = items["snr_db"].dropna()
    if not of_role(entries, "denoiser") or len(contestants) < 2 or snr.nunique() < 2:
        return None
    chosen = list(cards[:_METRICS])
    by_name = {entry.name: entry for entry in contestants}
    place = {card.name: (card, column) for column, card in enumerate(chosen)}
    found = sure_crossovers(
        scores, items, list(by_name), metrics=[card.name for card in chosen], clusters=clusters
    )
    found = found.assign(order=found["metric"].map(lambda name: place[name][1]))
    lowest, highest = float(snr.min()), float(snr.max())

    def share(value: float) -> float:
        return round(min(max(100 * (value - lowest) / (highest - lowest), 0), 100), 2)

    turns = []
    for row in found.sort_values(["order", "at"], kind="stable").head(_MOST).to_dict("records"):
        at, low, high = (float(row[name]) for name in ("at", "low", "high"))
        left, middle = share(low), share(at)
        ends = by_name[row["below"]], by_name[row["above"]]
        width = round(share(high) - left, 2)
        card, column = place[row["metric"]]
        ahead, lead, *bounds = lead_of(row)
        drawn, average = (left, middle, width), (card.number(lead), card.interval(*bounds))
        turns.append(Turn(card, column, *ends, at, low, high, *drawn, by_name[ahead], *average))
    return Crossings(turns, lowest, highest, max(0, len(found) - _MOST))
