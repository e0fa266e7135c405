"""What follows from the scores, as tables: oracle gap, suppression profile, bad ends, probes."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from percepkit.eval.anchors import gap_closed
from percepkit.eval.balance import balanced_summary, is_unbalanced
from percepkit.eval.probes import PROBES, probe_denoiser
from percepkit.eval.profile import noise_characters, profile
from percepkit.eval.report.roster import Entry, of_role
from percepkit.eval.report.sections import POLICY
from percepkit.eval.report.table import MetricCard
from percepkit.eval.score import NOISY
from percepkit.eval.summary import profile_sheet
from percepkit.eval.tables import Sheet
from percepkit.eval.worst import tails

__all__ = ["even_sheet", "gap_sheet", "make_profile", "probe_sheet", "probed", "tail_sheet"]

_PROBED_ITEMS = 3
_METRICS = 6  # of the gap: the first ones, as on the rest of the page
_KIND = {"traditional": "\ntraditional", "neural": "\nneural", "": ""}


def even_sheet(
    scores: pd.DataFrame,
    items: pd.DataFrame,
    summary: pd.DataFrame,
    entries: Sequence[Entry],
    cards: Sequence[MetricCard],
    clusters: Sequence[str],
) -> Sheet | None:
    """Means in which every noise class counts the same, where the classes differ in number by more than chance.

    Parameters
    ----------
    summary : DataFrame
        The means over items; a note says where another denoiser is best by them.
    """
    among = {entry.name for entry in of_role(entries, "noisy", "denoiser", "oracle")}
    used = scores[scores["denoiser"].isin(among) & scores["metric"].isin([card.name for card in cards[:_METRICS]])]
    if used.empty or not is_unbalanced(items, "noise_class"):
        return None
    table = balanced_summary(used, items, ["noise_class"], clusters=clusters, policy=POLICY)
    counts = tuple(int(table[name].max()) for name in ("conditions", "fewest", "most"))
    title = "{} noise classes of {} to {} items".format(*counts)
    rows, columns, notes = table.set_index(["denoiser", "metric"]), [], []
    for card in cards[:_METRICS]:
        columns.append(card)
        own, pooled = (each[each["metric"] == card.name].set_index("denoiser") for each in (table, summary))
        best, usual = (card.best_of(each, of_role(entries, "denoiser")) for each in (own, pooled))
        if best is not None and usual is not None and best is not usual:
            notes.append(f"By {card.label}, {usual.name} is best over items, {best.name} over noise classes.")
    sign, first = (-1 if cards[0].better == "higher" else 1), table[table["metric"] == cards[0].name]
    rank = (sign * first.set_index("denoiser")["mean"]).fillna(np.inf)
    ordered = [
        entry
        for role in ("noisy", "denoiser", "oracle")
        for entry in sorted(of_role(entries, role), key=lambda entry: rank.get(entry.name, np.inf))
    ]
    cells = [[entry.name, *(_even_cell(rows, entry.name, card) for card in columns)] for entry in ordered]
    return Sheet(["Denoiser", *(card.label for card in columns)], cells, title, notes)


def _even_cell(rows: pd.DataFrame, name: str, card: MetricCard) -> str:
    if (name, card.name) not in rows.index:
        return "–"
    row = rows.loc[(name, card.name)]
    return f"{card.number(row['mean'])}\n{card.interval(row['low'], row['high'])}"


def gap_sheet(
    scores: pd.DataFrame, items: pd.DataFrame, entries: Sequence[Entry], cards: Sequence[MetricCard]
) -> Sheet | None:
    """Share of the way from noisy to the best oracle, per cent: one row a denoiser, one column a metric.

    Returns
    -------
    Sheet or None
        None without oracles, denoisers or the noisy input.
    """
    denoisers, oracles = of_role(entries, "denoiser"), of_role(entries, "oracle")
    if not denoisers or not oracles or not of_role(entries, "noisy"):
        return None
    among = {entry.name for entry in of_role(entries, "noisy", "denoiser", "oracle")}
    inside = scores[scores["denoiser"].isin(among)]
    tables = [_gaps(inside, items, oracles, card) for card in cards[:_METRICS]]
    head = [
        f"{card.label}\n{table['oracle'].iloc[0]}"
        for card, table in zip(cards, tables, strict=False)
        if len(table)
    ]
    tables = [table.set_index("denoiser") for table in tables if len(table)]
    rows = [[entry.name, *(_gap_cell(table, entry.name) for table in tables)] for entry in denoisers]
    return Sheet(["Denoiser", *head], rows) if tables else None


def make_profile(
    scores: pd.DataFrame, items: pd.DataFrame, corpus: Any | None, entries: Sequence[Entry]
) -> Sheet | None:
    """Suppression by the character of the noise, voice distortion, low SNR ...: one column a denoiser.

    Traditional suppressors stand on the left, networks on the right, and what could be either between them.
    Without a corpus nobody knows what the noise is like, and nothing is said of that.
    """
    ordered = sorted(
        of_role(entries, "denoiser"), key=lambda entry: ("traditional", "", "neural").index(entry.kind)
    )
    names = [entry.name for entry in ordered]
    if not names or not of_role(entries, "noisy"):
        return None
    characters = None if corpus is None else noise_characters(corpus, [int(item) for item in items["item"]])
    used = scores[scores["denoiser"].isin([NOISY, *names])]
    table = profile(used, items, characters)
    if table.empty:
        return None
    sheet = profile_sheet(table)
    found = [name for name in names if name in sheet.columns]
    places = [*range(3), *(sheet.columns.index(name) for name in found)]
    kinds = {entry.name: _KIND[entry.kind] for entry in ordered}
    heads = ["Aspect", "Metric", "Items", *(name + kinds[name] for name in found)]
    rows = [[row[0], *(row[place].replace("-", "−") for place in places[1:])] for row in sheet.rows]
    compared = {"traditional", "neural"} <= {entry.kind for entry in ordered}
    title = "Traditional and neural suppression" if compared else "Strengths and weaknesses"
    return Sheet(heads, rows, title, left=("Metric",))


def tail_sheet(
    scores: pd.DataFrame, items: pd.DataFrame, entries: Sequence[Entry], card: MetricCard
) -> Sheet | None:
    """Mean of the worst tenth of the items, and how many are made worse than the noisy input."""
    names = [entry.name for entry in of_role(entries, "denoiser")]
    if not names or not (scores["metric"] == card.name).any():
        return None
    used = scores[scores["denoiser"].isin([NOISY, *names])]
    table = tails(used, items, metrics=[card.name]).set_index("denoiser")
    rows = [
        [name, card.number(table.loc[name, "worst_decile"]), _per_cent(table.loc[name, "worse_share"]),
         str(table.loc[name, "n"])]
        for name in names if name in table.index
    ]  # fmt: skip
    return Sheet(["Denoiser", f"{card.label}, worst tenth", "Made worse than noisy", "Items"], rows)


def probed(
    entries: Sequence[Entry], corpus: Any, items: pd.DataFrame, advance: Callable[[], None]
) -> list[tuple[Entry, dict[str, float]]]:
    """Median of every probe over three items from the easiest to the hardest, for each denoiser that can be run.

    Parameters
    ----------
    entries : sequence of Entry
    corpus : Corpus
    items : DataFrame
    advance : callable
        Called after each item.
    """
    ranked = items.sort_values("snr_db", kind="stable")["item"].to_numpy()
    chosen = np.unique(ranked[np.linspace(0, len(ranked) - 1, _PROBED_ITEMS).astype(int)])
    able = [entry for entry in of_role(entries, "denoiser") if _runs(entry)]
    values: dict[str, list[dict[str, float]]] = {entry.name: [] for entry in able}
    for item in chosen if able else ():
        stems = {name: corpus.stem(int(item), name) for name in ("noisy", "clean", "noise")}
        for entry in able:
            try:
                values[entry.name].append(probe_denoiser(entry.instance, stems, corpus.sample_rate))
            except Exception:  # a third party's denoiser can raise anything; that it fails is said elsewhere
                continue
        advance()
    return [(entry, _medians(values[entry.name])) for entry in able if values[entry.name]]


def probe_sheet(found: Sequence[tuple[Entry, dict[str, float]]]) -> Sheet | None:
    """Lay out what `probed` found; what lies beyond the limits is marked with an exclamation mark."""
    if not found:
        return None
    rows = []
    for entry, values in found:
        cells = []
        for name, probe in PROBES.items():
            odd = not np.isnan(values[name]) and not probe.low <= values[name] <= probe.high
            cells.append(_decibels(values[name]) + (" !" if odd else ""))
        rows.append([entry.name, *cells])
    notes = [f"{probe.label}: {probe.meaning.replace('-60', '−60')}" for probe in PROBES.values()]
    return Sheet(["Denoiser", *(f"{probe.label}\ndB" for probe in PROBES.values())], rows, notes=notes)


def _runs(entry: Entry) -> bool:
    """Whether it takes any signal; recordings know only theirs."""
    return entry.instance is not None and entry.instance.spec.needs == "nothing"


def _gaps(scores: pd.DataFrame, items: pd.DataFrame, oracles: Sequence[Entry], card: MetricCard) -> pd.DataFrame:
    own = scores[(scores["metric"] == card.name) & (scores["status"] == "ok")]
    means = own.groupby("denoiser")["value"].mean()
    known = [entry.name for entry in oracles if entry.name in means]
    if not known or NOISY not in means:
        return pd.DataFrame(columns=["denoiser", "oracle"])
    best = means[known].idxmax() if card.better == "higher" else means[known].idxmin()
    others = [entry.name for entry in oracles if entry.name != best]
    return gap_closed(scores[~scores["denoiser"].isin(others)], items, oracle=best, metrics=[card.name])


def _gap_cell(table: pd.DataFrame, name: str) -> str:
    if name not in table.index or np.isnan(table.loc[name, "share"]):
        return "–"
    share, low, high = (100 * table.loc[name, column] for column in ("share", "low", "high"))
    if np.isnan(low):
        return f"{share:z.0f} %".replace("-", "−")
    return f"{share:z.0f} %\n[{low:z.0f}, {high:z.0f}]".replace("-", "−")


def _medians(values: Sequence[dict[str, float]]) -> dict[str, float]:
    known = {name: [value[name] for value in values if not np.isnan(value[name])] for name in PROBES}
    return {name: float(np.median(numbers)) if numbers else np.nan for name, numbers in known.items()}


def _decibels(value: float) -> str:
    if np.isnan(value):
        return "–"
    if abs(value) >= 100:
        return "≥ 100" if value > 0 else "≤ −100"
    return f"{value:.1f}".replace("-", "−")


def _per_cent(share: float) -> str:
    return "–" if np.isnan(share) else f"{100 * share:.0f} %"
