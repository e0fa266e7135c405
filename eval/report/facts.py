"""What was scored, with which versions, and what could not be scored."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pandas as pd

from percepkit.eval.metrics._interface import STATUSES
from percepkit.eval.policies import unexpected
from percepkit.eval.report.table import MetricCard

__all__ = ["Failure", "corpus_facts", "failures", "quarantined", "versions"]

PACKAGES = ("percepkit", "pesq", "numpy")


@dataclass(frozen=True)
class Failure:
    """Scores of one denoiser that are missing for one reason."""

    denoiser: str
    metrics: str
    status: str
    meaning: str
    count: int
    example: str


def corpus_facts(corpus: Any, name: str, scores: pd.DataFrame) -> list[tuple[str, str]]:
    """Label and value of what was scored; no date, so that the same scores give the same page.

    Parameters
    ----------
    corpus : Corpus
    name : str
        Of the corpus.
    scores : DataFrame
    """
    items = corpus.items[corpus.items["item"].isin(scores["item"].unique())]
    scores = unexpected(scores)
    return [
        ("Corpus", name),
        ("Items scored", f"{len(items):,}"),
        ("Audio", _duration(float(items["seconds"].sum()))),
        ("Sample rate", f"{corpus.sample_rate / 1000:g} kHz"),
        ("Seed", str(getattr(corpus.recipe, "seed", "unknown"))),
        ("Scores", f"{len(scores):,}"),
        ("Coverage", _share(int((scores["status"] == "ok").sum()), len(scores))),
    ]


def versions() -> list[tuple[str, str]]:
    """Versions of the packages that make the numbers."""
    return [(package, _version(package)) for package in PACKAGES]


def failures(scores: pd.DataFrame, items: pd.DataFrame, cards: Sequence[MetricCard]) -> list[Failure]:
    """Missing scores by denoiser and status, the most frequent first; nobody expects one of silence.

    Parameters
    ----------
    scores : DataFrame
        With columns item, denoiser, metric, status and reason.
    items : DataFrame
        With columns item and item_id.
    cards : sequence of MetricCard
    """
    ids = items.set_index("item")["item_id"]
    scores = unexpected(scores)
    found = []
    for (denoiser, status), rows in scores[scores["status"] != "ok"].groupby(["denoiser", "status"], sort=True):
        affected = [card.label for card in cards if (rows["metric"] == card.name).any()]
        first = rows.iloc[0]
        example = f"{ids.get(first['item'], first['item'])}: {first['reason']}"
        meaning = STATUSES.get(status, "")
        found.append(Failure(denoiser, ", ".join(affected), status, meaning, len(rows), example))
    return sorted(found, key=lambda failure: -failure.count)


def quarantined(items: pd.DataFrame) -> list[tuple[str, int]]:
    """Status and count of items that the corpus itself could not make."""
    counts = items.loc[items["status"] != "ok", "status"].value_counts()
    return [(str(status), int(n)) for status, n in sorted(counts.items())]


def _share(part: int, whole: int) -> str:
    if part == whole:
        return "100 %"
    return f"{min(100 * part / whole, 99.99):.2f} %"  # never rounded up to all


def _duration(seconds: float) -> str:
    if seconds < 3600:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.2f} h"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
