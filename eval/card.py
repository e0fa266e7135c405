"""The card of an evaluation: what was scored, with which versions, on which data; and checking it again."""

import json
import math
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from percepkit.baselines import registry
from percepkit.dsp import draws
from percepkit.engine.tables import write_text
from percepkit.eval import metrics as metric_floor
from percepkit.eval.clusters import known_dimensions
from percepkit.eval.lateness import was_aligned
from percepkit.eval.score import NOISY, code_digest, read_scores, score_item
from percepkit.synth.corpus import Corpus, open_corpus

__all__ = ["card_differences", "card_text", "make_card", "read_card", "verify_card", "write_card"]

PACKAGES = ("percepkit", "numpy", "scipy", "pandas", "soundfile", "soxr", "pesq", "pystoi", "numba")
FORMAT_VERSION = 1
_TOLERANCE = 1e-6  # relative above 1, absolute below: other processors round otherwise
_FACTS = ("denoiser", "metric", "status", "value", "metric_version")

Card = dict[str, Any]


def make_card(scores_path: str | Path, corpus_folder: str | Path) -> Card:
    """Describe an evaluation.

    Parameters
    ----------
    scores_path, corpus_folder : path
        The table of scores, and the corpus that was scored.

    Returns
    -------
    dict
        Of plain values. ``digest`` is that of all the rest; scores are digested without the time they took, and
        the corpus by its recipe, its plan and the checksums of its audio.
    """
    scores, corpus = read_scores(scores_path), open_corpus(corpus_folder)
    card: Card = {
        "format_version": FORMAT_VERSION,
        "corpus": _corpus_facts(corpus, scores),
        "denoisers": [_denoiser_facts(str(name)) for name in sorted(scores["denoiser"].unique())],
        "metrics": [_metric_facts(str(name), rows) for name, rows in scores.groupby("metric", sort=True)],
        "scores": _score_facts(scores),
        "statistics": {
            "interval": "95 %, BCa bootstrap over crossed clusters; Student's t below 8 clusters",
            "clusters": known_dimensions(corpus.items),
            "policy": "common",
        },
        "versions": {name: _version(name) for name in PACKAGES},
        "machine": {
            "python": platform.python_version(),
            "platform": sys.platform,
            "processor": platform.machine(),
        },
    }
    return card | {"digest": _digest_of(card)}


def write_card(card: Card, path: str | Path) -> None:
    """Write a card as JSON, or as Markdown if the name ends in ``.md``."""
    path = Path(path)
    if path.suffix not in (".json", ".md"):
        raise ValueError(f"{path}: expected a name that ends in .json or .md")
    write_text(path, card_text(card) if path.suffix == ".md" else json.dumps(card, indent=2) + "\n")


def read_card(path: str | Path) -> Card:
    """Read a card that was written as JSON, and check that nobody has changed it.

    Raises
    ------
    ValueError
        If it is no card, or its digest does not hold.
    """
    try:
        card = json.loads(Path(path).read_text(encoding="utf-8"))
        digest = card.pop("digest")
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path}: expected a card written by `percepkit eval card --out NAME.json`") from error
    if card.get("format_version") != FORMAT_VERSION or digest != _digest_of(card):
        raise ValueError(f"{path}: the card's digest does not hold: it was edited, or written by another version")
    return {**card, "digest": digest}


def verify_card(
    card: Card,
    scores_path: str | Path,
    corpus_folder: str | Path,
    *,
    n_items: int,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[str], int]:
    """Check a card against the scores and the corpus, and score some items again.

    Parameters
    ----------
    card : dict
        From `read_card`.
    n_items : int
        Items to score again with every denoiser and metric; which ones follows from the card's digest.
    progress : callable, optional
        Called with the number of items done and to do.

    Returns
    -------
    list of str, and int
        What does not hold, one line each, and the number of cells that were scored again.
    """
    scores, corpus = read_scores(scores_path), open_corpus(corpus_folder)
    now = make_card(scores_path, corpus_folder)
    findings = [
        f"{part} differ: the card's digest is {card[part]['digest']}, now it is {now[part]['digest']}"
        for part in ("scores", "corpus")
        if card[part]["digest"] != now[part]["digest"]
    ]
    findings += list(_changes(card, now))
    numbers = np.sort(scores["item"].unique())
    order = np.argsort(draws.uniform(draws.words(draws.key_of(card["digest"]), 0, len(numbers)))[:, 0])
    chosen = sorted(int(item) for item in numbers[order[:n_items]])
    metrics = sorted(map(str, scores["metric"].unique()))
    denoisers = {entry["name"]: registry.load(entry["name"]) for entry in now["denoisers"] if entry["digest"]}
    wanted = dict.fromkeys((NOISY, *denoisers), metrics)
    cells = scores.set_index(["item", "denoiser", "metric"])[["value", "status"]]
    n_cells, align = 0, was_aligned(scores)
    for done, item in enumerate(chosen, 1):
        for denoiser, metric, outcome in score_item(corpus, item, denoisers, wanted, align=align):
            n_cells += 1
            value, status = cells.loc[(item, denoiser, metric)]
            if status != outcome.status or not _close(value, outcome.value):
                findings.append(
                    f"item {item}, {denoiser}, {metric}: {value:.9g} ({status}) in the table, "
                    f"{outcome.value:.9g} ({outcome.status}) now"
                )
        if progress:
            progress(done, len(chosen))
    return findings, n_cells


def card_differences(first: Card, second: Card) -> list[str]:
    """Say what two evaluations differ in: whatever may be why their numbers do.

    Parameters
    ----------
    first, second : dict
        From `read_card`.

    Returns
    -------
    list of str
        One line for each fact that is not the same, in the order of the first card; empty for equal cards.

    Examples
    --------
    >>> card_differences({"versions": {"pesq": "0.0.4"}}, {"versions": {"pesq": "0.0.5"}})
    ['versions, pesq: 0.0.4 in the first card, 0.0.5 in the second']
    """
    one, other = (
        {place: value for place, value in _leaves(card) if place != "digest"} for card in (first, second)
    )
    return [
        f"{place}: {one.get(place, 'nothing')} in the first card, {other.get(place, 'nothing')} in the second"
        for place in dict.fromkeys([*one, *other])
        if one.get(place) != other.get(place)
    ]


def _leaves(card: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every plain value of a card and where it stands; entries of lists go by their names."""
    if isinstance(card, list) and all(isinstance(entry, dict) for entry in card):
        card = {entry["name"]: {key: value for key, value in entry.items() if key != "name"} for entry in card}
    if not isinstance(card, dict):
        yield place, card
        return
    for key, value in card.items():
        yield from _leaves(value, f"{place}, {key}" if place else str(key))


def card_text(card: Card) -> str:
    """Write a card in Markdown, for people.

    Examples
    --------
    >>> print(card_text({"digest": "12ab", "corpus": {"name": "demo"}, "metrics": [{"name": "stoi"}]}))
    # Evaluation card
    <BLANKLINE>
    - digest: 12ab
    <BLANKLINE>
    ## corpus
    <BLANKLINE>
    - name: demo
    <BLANKLINE>
    ## metrics
    <BLANKLINE>
    - name: stoi
    <BLANKLINE>
    """
    plain = [f"- {key}: {value}" for key, value in card.items() if not isinstance(value, dict | list)]
    lines = ["# Evaluation card", "", *plain, ""]
    for key, value in card.items():
        if isinstance(value, dict | list):
            entries = value.items() if isinstance(value, dict) else ((None, entry) for entry in value)
            lines += [f"## {key}", "", *(_line(name, entry) for name, entry in entries), ""]
    return "\n".join(lines)


def _line(name: str | None, entry: Any) -> str:
    if isinstance(entry, dict):
        entry = ", ".join(f"{key}: {value}" for key, value in entry.items() if value not in ("", None))
    return f"- {entry}" if name is None else f"- {name}: {entry}"


def _corpus_facts(corpus: Corpus, scores: pd.DataFrame) -> Card:
    items = corpus.items[corpus.items["item"].isin(scores["item"])].sort_values("item")
    checksums = items[["item", *sorted(name for name in items if name.startswith("checksum_"))]]
    digest = blake2b(digest_size=16)
    digest.update((corpus.folder / "recipe.yaml").read_bytes())
    digest.update((corpus.folder / "plan.parquet").read_bytes())
    digest.update(checksums.to_csv(index=False).encode())
    return {
        "name": corpus.recipe.name,
        "seed": corpus.recipe.seed,
        "sample_rate": corpus.sample_rate,
        "items": len(items),
        "hours": round(float(items["seconds"].sum()) / 3600, 4),
        "digest": digest.hexdigest(),
    }


def _denoiser_facts(name: str) -> Card:
    if name == NOISY:
        return {"name": name, "summary": "The unprocessed input.", "paper": "", "digest": ""}
    try:
        spec, digest = registry.load(name).spec, code_digest(name)
    except Exception as error:  # somebody else's, and not installed here: the card must say so
        return {"name": name, "summary": f"not found here: {error}", "paper": "", "digest": ""}
    return {"name": name, "summary": spec.summary, "paper": spec.paper, "digest": digest}


def _metric_facts(name: str, rows: pd.DataFrame) -> Card:
    facts: Card = {"name": name, "version": ", ".join(sorted(map(str, rows["metric_version"].unique())))}
    if name not in metric_floor.names():
        return facts
    spec = metric_floor.load(name).SPEC
    low, high = (end if math.isfinite(end) else None for end in spec.range[name])  # JSON has no infinity
    own = {"unit": spec.unit[name], "lowest": low, "highest": high, "better": spec.better, "source": spec.source}
    return facts | own


def _score_facts(scores: pd.DataFrame) -> Card:
    content = scores.sort_values(["item", "denoiser", "metric"])[["item", *_FACTS]].to_csv(index=False)
    statuses = scores["status"].value_counts().sort_index()
    return {
        "rows": len(scores),
        "statuses": {str(status): int(n) for status, n in statuses.items()},
        "digest": blake2b(content.encode(), digest_size=16).hexdigest(),
    }


def _changes(card: Card, now: Card) -> Iterator[str]:
    """Denoisers whose code, and metrics whose version, is no longer what the card says."""
    current = {entry["name"]: entry for entry in now["denoisers"]}
    for entry in card["denoisers"]:
        if entry["digest"] != current.get(entry["name"], {}).get("digest"):
            yield f"the code of {entry['name']} is not the one that was scored"
    for entry in card["metrics"]:
        name = entry["name"]
        installed = metric_floor.load(name).SPEC.version if name in metric_floor.names() else "none"
        if entry["version"] != installed:
            yield f"metric {name} has the version {installed}, the scores are of {entry['version']}"


def _close(first: float, second: float) -> bool:
    if math.isnan(first) or math.isnan(second):
        return math.isnan(first) and math.isnan(second)
    return abs(first - second) <= _TOLERANCE * max(1.0, abs(first))


def _digest_of(card: Mapping[str, Any]) -> str:
    return blake2b(json.dumps(card, sort_keys=True).encode(), digest_size=16).hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
