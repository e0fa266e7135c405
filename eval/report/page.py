"""The report page: scores, plots by condition, spectrograms and players in one HTML file."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from percepkit.audio.webpage import render_webpage
from percepkit.baselines.registry import load as load_denoiser
from percepkit.engine.tables import write_text
from percepkit.eval.clusters import known_dimensions
from percepkit.eval.conditions import bin_labels
from percepkit.eval.flags import AUDITS, find_flags, warn_of_offset
from percepkit.eval.paired_files import PairedFiles, open_material
from percepkit.eval.policies import warn_of_ranks
from percepkit.eval.published import check_published
from percepkit.eval.report.agreement import map_agreement
from percepkit.eval.report.choice import Choice, choose_entries, choose_items
from percepkit.eval.report.conditions import BIN_DB
from percepkit.eval.report.costs import Costs, read_costs
from percepkit.eval.report.crossings import find_crossings
from percepkit.eval.report.data import MAX_LISTED, page_data
from percepkit.eval.report.facts import corpus_facts, failures, quarantined, versions
from percepkit.eval.report.findings import even_sheet, gap_sheet, make_profile, probe_sheet, probed, tail_sheet
from percepkit.eval.report.listening import Player, make_player
from percepkit.eval.report.roster import Entry, make_roster, of_role
from percepkit.eval.report.sections import POLICY, make_sections
from percepkit.eval.report.table import MetricCard, make_rows, metric_cards, sum_up
from percepkit.eval.report.winners import map_winners
from percepkit.eval.score import NOISY, read_scores
from percepkit.eval.statistics import summarise

__all__ = ["MAX_BYTES", "MAX_PLAYERS", "render_page", "write_report"]

MAX_BYTES = 25_000_000
MAX_PLAYERS = 40
SCRIPTS = ("data.js", "table.js", "charts.js", "plots.js", "filters.js", "worst.js", "abx.js")

Progress = Callable[[int, int], None]


def write_report(
    scores: Path,
    corpus: Path,
    out: Path,
    *,
    title: str = "Denoiser report",
    players: int = 24,
    costs: Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write one self-contained HTML page on the scores of a corpus.

    The page loads nothing from elsewhere, holds at most 25 MB, and is the same for the same input.

    Parameters
    ----------
    scores : path
        Table of scores (Parquet).
    corpus : path
        Folder of the corpus that was scored, whose audio is enhanced again for the players; or the table of the
        paired files that were, which are played if the noisy files are among them.
    out : path
        The HTML file; replaced as a whole when everything is done.
    title : str
    players : int
        Items to listen to, at most 40; fewer where 25 MB do not hold them all.
    costs : path, optional
        Table of what denoisers cost, see `percepkit.eval.report.costs.read_costs`.
    progress : callable, optional
        Called with (steps done, steps in all).

    Returns
    -------
    path
        ``out``.

    Raises
    ------
    ValueError
        When an input is missing or damaged, or the scores are empty or belong to another corpus.
    """
    frame = read_scores(scores)
    opened = open_material(corpus)
    load: Callable[[str], Any] = load_denoiser
    if isinstance(opened, PairedFiles):
        load = opened.load
        players = players if NOISY in opened.denoisers else 0
    text = render_page(
        frame,
        opened,
        corpus_name=opened.recipe.name,
        title=title,
        players=players,
        load=load,
        costs=None if costs is None else read_costs(costs),
        progress=progress,
    )
    write_text(out, text)
    return Path(out)


def render_page(
    scores: pd.DataFrame,
    corpus: Any,
    *,
    corpus_name: str,
    title: str,
    players: int,
    load: Callable[[str], Any] = load_denoiser,
    costs: Costs | None = None,
    progress: Progress | None = None,
    max_bytes: int = MAX_BYTES,
) -> str:
    """Make the page of `write_report` from what is in memory.

    Parameters
    ----------
    scores : DataFrame
        Columns item, denoiser, metric, value, status, reason, metric_version.
    corpus : Corpus
        With ``recipe``, ``sample_rate``, ``items`` and ``stem(item, name)``.
    corpus_name, title : str
    players : int
    load : callable
        Name -> denoiser or oracle.
    costs : Costs, optional
    progress : callable, optional
    max_bytes : int
        Players are left out until the page is no larger.
    """
    items = _scored_items(scores, corpus.items, players)
    advance = _stepper(progress, players + 6)
    cards = metric_cards(scores)
    entries = make_roster([str(name) for name in scores["denoiser"].unique()], load)
    clusters = known_dimensions(items)
    summary = summarise(scores, items, clusters=clusters, policy=POLICY)
    advance()
    denoisers = [entry.name for entry in of_role(entries, "denoiser")]
    sections = make_sections(scores, items, entries, cards, clusters)
    advance()
    context = {
        "title": title,
        "sentence": sum_up(summary, entries, cards[0]),
        "facts": corpus_facts(corpus, corpus_name, scores),
        "versions": versions(),
        "clusters": clusters,
        "cards": cards,
        "entries": entries,
        "rows": make_rows(summary, entries, cards),
        "sections": sections,
        "even": even_sheet(scores, items, summary, entries, cards, clusters),
        "winners": map_winners(scores, items, entries, cards, sections, clusters),
        "agreement": map_agreement(scores, entries, cards),
        "gate": check_published(scores, items),
        "offsets": warn_of_offset(scores),
        "crossings": find_crossings(scores, items, entries, cards, clusters),
        "costs": costs,
        "has_oracles": bool(of_role(entries, "oracle")),
        "gap": gap_sheet(scores, items, entries, cards),
        "profile": make_profile(scores, items, None if isinstance(corpus, PairedFiles) else corpus, entries),
        "tails": tail_sheet(scores, items, entries, cards[0]),
        "audited": any(card.name in AUDITS for card in cards),
        "flags": find_flags(scores, summary, denoisers),
        "ranks": warn_of_ranks(scores),
        "failures": failures(scores, items, cards),
        "unloadable": [entry for entry in entries if entry.trouble],
        "quarantined": quarantined(corpus.items),
        "max_listed": MAX_LISTED,
    }
    advance()
    context["probes"] = probe_sheet(probed(entries, corpus, items, advance))
    data = page_data(scores, items, summary, entries, cards, sections, costs)
    heard = of_role(entries, "noisy") + choose_entries(entries, _ranking(summary, cards[0]))
    choices = _choices(scores, items, entries, summary, cards[0], players)
    made: list[Player] = []
    for choice in choices:
        made.append(make_player(corpus, choice, heard, scores, cards))
        advance()
        if sum(player.size for player in made) > max_bytes:
            break
    page = _fit(context, data, items, made, len(choices), max_bytes)
    advance(to_the_end=True)
    return page


def _stepper(progress: Progress | None, total: int) -> Callable[..., None]:
    """Count steps; the last call says that all is done, however many there were."""
    done = 0

    def advance(*, to_the_end: bool = False) -> None:
        nonlocal done
        done = total if to_the_end else min(done + 1, total)
        if progress is not None:
            progress(done, total)

    return advance


def _scored_items(scores: pd.DataFrame, items: pd.DataFrame, players: int) -> pd.DataFrame:
    if not 0 <= players <= MAX_PLAYERS:
        raise ValueError(f"players is {players}; give 0 to {MAX_PLAYERS}")
    if scores.empty:
        raise ValueError("the table of scores has no rows; score the corpus first")
    strangers = set(scores["item"]) - set(items["item"])
    if strangers:
        raise ValueError(
            f"{len(strangers)} scored items are not in the corpus (the first: {min(strangers)}); "
            "give the corpus that these scores were made from"
        )
    return items[items["item"].isin(scores["item"])].sort_values("item").reset_index(drop=True)


def _ranking(summary: pd.DataFrame, card: MetricCard) -> pd.Series:
    """Mean by denoiser; higher is better."""
    mean = summary[summary["metric"] == card.name].set_index("denoiser")["mean"]
    return mean if card.better == "higher" else -mean


def _choices(
    scores: pd.DataFrame,
    items: pd.DataFrame,
    entries: Sequence[Entry],
    summary: pd.DataFrame,
    card: MetricCard,
    n: int,
) -> list[Choice]:
    """Items from the worst to the best improvement by the best denoiser (or oracle, if there is no other)."""
    rows = summary[summary["metric"] == card.name].set_index("denoiser")
    best = card.best_of(rows, of_role(entries, "denoiser")) or card.best_of(rows, of_role(entries, "oracle"))
    own = scores[(scores["metric"] == card.name) & (scores["status"] == "ok")]
    wide = own.pivot(index="item", columns="denoiser", values="value").reindex(items["item"])
    improvement = pd.Series(math.nan, index=items["item"])
    if best is not None and NOISY in wide:
        improvement = wide[best.name] - wide[NOISY]
    if card.better == "lower":
        improvement = -improvement
    return choose_items(improvement, _conditions(items.set_index("item")), n) if n else []


def _conditions(items: pd.DataFrame) -> list[pd.Series]:
    """SNR, noise class and room of every item, in words."""
    snr = pd.Series(bin_labels(items["snr_db"].to_numpy(float), step=BIN_DB, unit="dB"), index=items.index)
    snr = snr.astype(object).where(items["snr_db"].notna())
    room = items["room"].notna().map({True: "rooms", False: "no room"})
    return [
        snr.map(lambda label: f"SNR {label}".replace("-", "−"), na_action="ignore"),
        items["noise_class"].astype(object).where(items["noise_class"].notna()),
        room if room.nunique() > 1 else room.where(pd.Series(False, index=room.index)),
    ]


def _fit(
    context: dict[str, Any],
    data: dict[str, Any],
    items: pd.DataFrame,
    players: list[Player],
    wanted: int,
    max_bytes: int,
) -> str:
    """Render with as many players as the page holds, from the worst item to the best."""
    places = {item: place for place, item in enumerate(items["item"])}
    for kept in range(len(players), -1, -1):
        shown = sorted(players[:kept], key=lambda player: player.choice.improvement)
        own = {
            "players": shown,
            "left_out": wanted - kept,
            "max_mb": max_bytes // 1_000_000,
            "data": data | {"players": [places[player.choice.item] for player in shown]},
            "sound_mb": sum(player.size for player in shown) / 1e6,
        }
        page = _render(context | own | {"page_mb": 0.0})
        if len(page.encode()) <= max_bytes - 10:  # its size is yet to be written into it
            return _render(context | own | {"page_mb": len(page.encode()) / 1e6})
    raise ValueError(f"the page without players is larger than {max_bytes:,} bytes; score fewer denoisers")


def _render(context: dict[str, Any]) -> str:
    here = Path(__file__).parent
    return render_webpage(
        here / "page.html",
        context,
        style=(here / "style.css").read_text(encoding="utf-8"),
        script="".join((here / name).read_text(encoding="utf-8") for name in SCRIPTS),
    )
