"""The report page: scores, plots by condition, spectrograms and players in one HTML file."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from percepkit.audio.webpage import render_webpage
from percepkit.baselines.registry import load as load_denoiser
from percepkit.engine.tables import write_text
from percepkit.eval.paired_files import PairedFiles, open_material
from percepkit.eval.report.choice import Choice, choose_entries, choose_items
from percepkit.eval.report.facts import corpus_facts, failures, quarantined, versions
from percepkit.eval.report.listening import Player, make_player
from percepkit.eval.report.roster import Entry, make_roster, of_role
from percepkit.eval.report.sections import make_sections
from percepkit.eval.report.table import MetricCard, make_rows, metric_cards, sum_up
from percepkit.eval.score import NOISY, read_scores
from percepkit.eval.statistics import summarise

__all__ = ["MAX_BYTES", "render_page", "write_report"]

MAX_BYTES = 25_000_000

Progress = Callable[[int, int], None]


def write_report(
    scores: Path,
    corpus: Path,
    out: Path,
    *,
    title: str = "Denoiser report",
    players: int = 8,
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
        Items to listen to; fewer where 25 MB do not hold them all.
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
    progress : callable, optional
    max_bytes : int
        Players are left out until the page is no larger.
    """
    items = _scored_items(scores, corpus.items, players)
    report = progress or (lambda done, total: None)
    cards = metric_cards(scores)
    entries = make_roster([str(name) for name in scores["denoiser"].unique()], load)
    summary = summarise(scores, items)
    report(1, players + 2)
    context = {
        "title": title,
        "sentence": sum_up(summary, entries, cards[0]),
        "facts": corpus_facts(corpus, corpus_name, scores),
        "versions": versions(),
        "cards": cards,
        "rows": make_rows(summary, entries, cards),
        "sections": make_sections(scores, items, summary, entries, cards),
        "failures": failures(scores, items, cards),
        "unloadable": [entry for entry in entries if entry.trouble],
        "quarantined": quarantined(corpus.items),
    }
    report(2, players + 2)
    made: list[Player] = []
    heard = of_role(entries, "noisy") + choose_entries(entries, _ranking(summary, cards[0]))
    choices = _choices(scores, items, entries, summary, cards[0], players)
    for choice in choices:
        made.append(make_player(corpus, choice, heard, scores, cards))
        report(2 + len(made), players + 2)
        if sum(player.size for player in made) > max_bytes:
            break
    report(players + 2, players + 2)
    return _fit(context, made, len(choices), max_bytes)


def _scored_items(scores: pd.DataFrame, items: pd.DataFrame, players: int) -> pd.DataFrame:
    if players < 0:
        raise ValueError(f"players is {players}; give 0 or more")
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
    return choose_items(improvement, items.set_index("item")["snr_db"], n) if n else []


def _fit(context: dict[str, Any], players: list[Player], wanted: int, max_bytes: int) -> str:
    """Render with as many players as the page holds, from the worst item to the best."""
    for kept in range(len(players), -1, -1):
        shown = sorted(players[:kept], key=lambda player: player.choice.improvement)
        left_out = wanted - kept
        page = _render(context | {"players": shown, "left_out": left_out, "max_mb": max_bytes // 1_000_000})
        if len(page.encode()) <= max_bytes:
            return page
    raise ValueError(f"the page without players is larger than {max_bytes:,} bytes; score fewer denoisers")


def _render(context: dict[str, Any]) -> str:
    here = Path(__file__).parent
    return render_webpage(
        here / "page.html",
        context,
        style=(here / "style.css").read_text(encoding="utf-8"),
        script=(here / "script.js").read_text(encoding="utf-8"),
    )
