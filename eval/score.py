"""Scoring denoisers on a corpus: every item, denoiser and metric, as rows of one table.

The stems are read and the metrics prepared once per item, and all denoisers are scored against them.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from percepkit.audio.resampling import resample
from percepkit.baselines import registry
from percepkit.baselines.denoiser import Denoiser, Oracle, Recorded
from percepkit.baselines.fingerprint import fingerprint_of
from percepkit.baselines.recorded_folder import MissingRecording
from percepkit.engine.child import ChildCrashed, ChildTimeout
from percepkit.engine.tables import read_table
from percepkit.eval import metrics as metric_floor
from percepkit.eval.lateness import realigned
from percepkit.eval.metrics import Outcome, Panel
from percepkit.eval.metrics._interface import failed
from percepkit.eval.metrics._shadow import cast_shadow, unprocessed
from percepkit.eval.reuse import Wanted, key_of
from percepkit.eval.slices import Cells, metric_versions, score_in_slices
from percepkit.synth.corpus import Corpus, open_corpus

__all__ = [
    "NOISY",
    "ScoreRun",
    "code_digest",
    "enhance_item",
    "noted",
    "read_scores",
    "score_corpus",
    "score_item",
]

NOISY = "noisy"  # the unprocessed input, scored like a denoiser
_STEMS = ("noisy", "clean", "speech", "noise")
_VERSION = "1"  # changes whenever the same denoiser, item and metric could give another row


@dataclass(frozen=True)
class ScoreRun:
    """What a run of `score_corpus` did.

    Attributes
    ----------
    path : Path
        The score table.
    n_items : int
        Items scored, those that an earlier, killed run had scored included.
    n_resumed : int
        Items taken over from a run that was stopped.
    n_reused : int
        Scores taken over from earlier tables.
    skipped : mapping of int
        Items of the corpus that were not rendered, counted by their status.
    """

    path: Path
    n_items: int
    n_resumed: int
    n_reused: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Job:
    corpus: Path
    denoisers: tuple[str, ...]
    metrics: tuple[str, ...]
    align: bool


def score_corpus(
    corpus_folder: str | Path,
    denoisers: Sequence[str],
    metrics: Sequence[str],
    out: str | Path,
    *,
    client: Any,
    limit: int | None = None,
    align: bool = False,
    reuse: Sequence[str | Path] = (),
    progress: Callable[[int, int], None] | None = None,
) -> ScoreRun:
    """Score denoisers on the items of a corpus and write the table of scores.

    A score is computed once: the table that is to be replaced, and those of ``reuse``, are searched for scores of
    the same sound (by the corpus' checksums), the same state of the denoiser (see
    `percepkit.baselines.fingerprint`) and the same version of the metric.

    Parameters
    ----------
    corpus_folder : path
        A rendered corpus.
    denoisers : sequence of str
        Names, see `percepkit.baselines.registry`; the unprocessed input is always scored too, as ``noisy``.
    metrics : sequence of str
        Names, see `percepkit.eval.metrics.names`.
    out : path
        The table to write, one row per item, denoiser and metric; ``OUT.parts`` holds unfinished work.
    client
        From `percepkit.engine.cluster.client`.
    limit : int, optional
        Score only the first items of the corpus.
    align : bool
        Undo the delay of denoisers that are not known to be aligned, item by item. It is measured against the
        noisy input and noted as the reason of their scores in any case.
    reuse : sequence of paths
        Score tables of whatever corpus.
    progress : callable, optional
        Called with the number of items done and to do.

    Returns
    -------
    ScoreRun

    Raises
    ------
    ValueError
        For an unknown denoiser or metric, a folder that is no corpus, a corpus without usable items, or an
        output that cannot be written. What fails on single items becomes the status of their rows.
    """
    out = Path(out)
    job = _Job(
        Path(corpus_folder).resolve(), tuple(sorted({*denoisers, NOISY})), tuple(sorted(set(metrics))), align
    )
    digests = {name: code_digest(name) for name in job.denoisers}
    settings = _settings(job, digests)
    corpus = open_corpus(job.corpus)
    usable = _usable(corpus, corpus_folder, limit)
    n_resumed, n_reused = score_in_slices(
        _score_items,
        usable,
        out,
        metrics=job.metrics,
        keys=_keys(usable, corpus.sample_rate, job, digests),
        job=job,
        settings=settings,
        client=client,
        reuse=reuse,
        progress=progress,
    )
    skipped = Counter(corpus.items["status"][corpus.items["status"] != "ok"])
    return ScoreRun(out, len(usable), n_resumed, n_reused, dict(skipped))


def _keys(items: pd.DataFrame, sample_rate: int, job: _Job, digests: Mapping[str, str]) -> pd.DataFrame:
    """What the scores of each item and denoiser depend on; empty where the corpus has no checksums."""
    states = {name: _state(name, digest, job.align) for name, digest in digests.items()}
    sums = [name for name in (f"checksum_{stem}" for stem in _STEMS) if name in items]
    known = {"checksum_noisy", "checksum_clean"} <= set(sums)
    names = items["item_id"] if "item_id" in items else items["item"]
    rows = []
    for item, item_id, *content in zip(items["item"], names, *(items[name] for name in sums), strict=True):
        for name, (state, by_name) in states.items():
            parts = (_VERSION, sample_rate, sums, content, state, item_id if by_name else None)
            rows.append((item, name, key_of(*parts) if known else ""))
    return pd.DataFrame(rows, columns=["item", "denoiser", "key"])


def _state(name: str, digest: str, align: bool) -> tuple[tuple[str, str, bool], bool]:
    """What tells a denoiser's outputs from others', and whether they go by the item's name."""
    if name == NOISY:
        return (name, digest, False), False
    spec = registry.load(name).spec
    return (name, digest, align and not spec.aligned), spec.needs == "item"


def _usable(corpus: Corpus, folder: str | Path, limit: int | None) -> pd.DataFrame:
    if corpus.items.empty:
        raise ValueError(f"{folder}: nothing is rendered yet; run `percepkit synth run` to the end")
    usable = corpus.items[corpus.items["status"] == "ok"].sort_values("item")
    if usable.empty:
        statuses = ", ".join(sorted(set(corpus.items["status"])))
        raise ValueError(f"{folder}: no item can be scored (their statuses: {statuses}); see its items.parquet")
    return usable if limit is None else usable.head(limit)


def read_scores(path: str | Path) -> pd.DataFrame:
    """Read a score table.

    Returns
    -------
    DataFrame
        Columns item, denoiser, metric, value (NaN unless ``status`` is ``"ok"``), status, reason,
        metric_version, seconds (of computing it, whenever that was), key (see `percepkit.eval.reuse`).
    """
    return read_table(path, kind="scores")


def _settings(job: _Job, digests: Mapping[str, str]) -> str:
    """Everything but the items that the scores depend on; raises for unknown names."""
    versions = metric_versions(job.metrics)
    return repr((versions, job.align, list(digests.items())))


def code_digest(name: str) -> str:
    """Digest of a denoiser's state, none of the noisy input: its scores are not taken over after an edit."""
    return "" if name == NOISY else fingerprint_of(name)


def _score_items(wanted: Wanted, job: _Job) -> Cells:
    """Score a few items; this runs on a worker."""
    corpus = open_corpus(job.corpus)
    names = {name for cells in wanted.values() for name in cells} - {NOISY}
    denoisers = {name: registry.load(name) for name in sorted(names)}
    for item, cells in wanted.items():
        for denoiser, metric, outcome in score_item(corpus, item, denoisers, cells, align=job.align):
            yield item, denoiser, metric, outcome


def score_item(
    corpus: Corpus,
    item: int,
    denoisers: Mapping[str, Denoiser | Oracle | Recorded],
    wanted: Mapping[str, Sequence[str]],
    *,
    align: bool = False,
) -> Iterator[tuple[str, str, Outcome]]:
    """Score the noisy input and denoisers on one item: name, metric and outcome of every cell.

    Parameters
    ----------
    corpus : Corpus
    item : int
    denoisers : mapping of Denoiser, Oracle or Recorded
    wanted : mapping of sequences of str
        Metrics for each denoiser that is to be scored, ``noisy`` included.
    align : bool
        As for `score_corpus`.
    """
    item_id = _item_id(corpus, item)
    metrics = sorted({metric for names in wanted.values() for metric in names})
    shadows = _need(metrics, "gains")
    denoisers = {name: denoiser for name, denoiser in denoisers.items() if name in wanted}
    every = any(denoiser.spec.needs == "stems" for denoiser in denoisers.values())
    every = every or (shadows and "noise" in corpus.recipe.stems)
    stems = {name: corpus.stem(item, name) for name in (_STEMS if every else _STEMS[:2])}
    noise = stems.get("noise")
    if noise is None and _need(metrics, "noise") and "noise" in corpus.recipe.stems:
        noise = corpus.stem(item, "noise")
    room = _room(corpus, item) if _need(metrics, "room") else None
    panel = Panel(metrics, stems["clean"], corpus.sample_rate, noise=noise, room=room)
    if own := wanted.get(NOISY):
        shadow = _shadow(unprocessed, stems, corpus.sample_rate, corpus.sample_rate) if shadows else None
        for metric, outcome in panel.score(stems["noisy"], shadow=shadow, only=own).items():
            yield NOISY, metric, outcome
    for name, denoiser in denoisers.items():
        own, note, shadow = wanted[name], "", None
        try:
            enhanced = enhance_item(denoiser, stems, corpus.sample_rate, item_id=item_id)
            if not denoiser.spec.aligned:
                enhanced, note = realigned(stems["noisy"], enhanced, corpus.sample_rate, align=align)
        except Exception as error:  # whatever somebody's denoiser raises is a result, not the end of the run
            outcomes = dict.fromkeys(own, _failed_denoiser(error))
        else:
            if _need(own, "gains"):
                native = _native_rate(denoiser.spec.native_sample_rates, corpus.sample_rate)
                shadow = _shadow(denoiser, stems, corpus.sample_rate, native)
            cells = panel.score(enhanced, shadow=shadow, only=own)
            outcomes = {metric: noted(cell, note) for metric, cell in cells.items()}
        for metric, outcome in outcomes.items():
            yield name, metric, outcome


def _room(corpus: Corpus, item: int) -> dict[str, np.ndarray] | None:
    """Speech of an item in its room and without it, if both are known."""
    rooms, row = corpus.recipe.rooms, corpus.items.loc[corpus.items["item"] == item].iloc[0]
    if rooms is None or pd.isna(row["room"]) or "dry" not in (rooms.target, *rooms.also):
        return None
    dry = "clean" if rooms.target == "dry" else "target_dry"
    return {"dry": corpus.stem(item, dry), "speech": corpus.stem(item, "speech")}


def _shadow(denoiser: Any, stems: Mapping[str, np.ndarray], sample_rate: int, native_rate: int) -> Any:
    """What the metrics of gains are computed from, or the reason why there is nothing."""
    try:
        return cast_shadow(denoiser, stems, sample_rate, native_rate=native_rate)
    except Exception as error:  # gains are the denoiser's code, too
        return error


def _failed_denoiser(error: Exception) -> Outcome:
    known = {ChildTimeout: "timeout", MissingRecording: "no_estimate"}
    if isinstance(error, ChildCrashed) and error.signal:
        return failed("crashed", str(error))
    if type(error) in known:
        return failed(known[type(error)], str(error))
    return failed("denoiser_failed", f"{type(error).__name__}: {error}")


def noted(outcome: Outcome, note: str) -> Outcome:
    """Outcome whose reason is a note, where it has no other."""
    return replace(outcome, reason=note) if note and not outcome.reason else outcome


def _item_id(corpus: Corpus, item: int) -> str | None:
    """Name of an item."""
    named = corpus.items.loc[corpus.items["item"] == item]
    return str(named["item_id"].iloc[0]) if "item_id" in named else None


def _need(metrics: Sequence[str], what: str) -> bool:
    return any(metric_floor.load(name).SPEC.needs == what for name in metrics)


def enhance_item(
    denoiser: Denoiser | Oracle | Recorded,
    stems: Mapping[str, np.ndarray],
    sample_rate: int,
    *,
    item_id: str | None = None,
) -> np.ndarray:
    """Run a denoiser or oracle on one item, at a sample rate that it supports.

    Parameters
    ----------
    denoiser : Denoiser, Oracle or Recorded
        One with native sample rates is run at the corpus' rate if it is among them, else at the next higher
        one (the highest if there is none), with resampling there and back.
    stems : mapping of float array, shape (n_samples,)
        ``"noisy"``, and for an oracle ``"clean"``, ``"speech"`` and ``"noise"`` too; left as they are.
    sample_rate : int
        Hz.
    item_id : str, optional
        Name of the item, which recordings go by.

    Returns
    -------
    float array
        Of the length of the noisy stem, unless the denoiser returned another length.
    """
    rates = denoiser.spec.native_sample_rates
    rate = _native_rate(rates, sample_rate)
    wanted = _STEMS if denoiser.spec.needs == "stems" else _STEMS[:1]
    inputs = {name: resample(stems[name], sample_rate, rate).copy() for name in wanted}
    n_native = len(inputs["noisy"])
    run = _ready(denoiser, inputs, rate, item_id)
    enhanced = np.asarray(run(inputs["noisy"].copy(), rate))
    if enhanced.ndim != 1 or not np.issubdtype(enhanced.dtype, np.floating):
        found = f"{enhanced.dtype} of shape {enhanced.shape}"
        raise ValueError(f"expected floats of shape ({n_native},), found {found}")
    if rate == sample_rate or len(enhanced) != n_native or not np.isfinite(enhanced).all():
        return enhanced
    return resample(enhanced, rate, sample_rate)[: len(stems["noisy"])]


def _ready(
    denoiser: Denoiser | Oracle | Recorded, inputs: Mapping[str, np.ndarray], rate: int, item_id: str | None
) -> Denoiser:
    if isinstance(denoiser, Oracle):
        return denoiser.for_item(inputs, rate)
    if isinstance(denoiser, Recorded):
        if item_id is None:
            raise ValueError(f"{denoiser.spec.name} was recorded item by item; give the item's name")
        return denoiser.of_item(item_id)
    return denoiser


def _native_rate(rates: Sequence[int] | None, sample_rate: int) -> int:
    if rates is None:
        return sample_rate
    return min((rate for rate in rates if rate >= sample_rate), default=max(rates))
