"""Scoring denoisers on a corpus: every item, denoiser and metric, as rows of one table.

The unit of work is a slice of a few items: the stems are read and the metrics prepared once per item, and all
denoisers are scored against them. Each slice is written as a part named by what its scores depend on, so that
a run that was killed goes on where it stopped.
"""

import contextlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from percepkit.audio.resampling import resample
from percepkit.baselines import registry
from percepkit.baselines.denoiser import Denoiser, Oracle
from percepkit.engine.shards import map_shards, sweep_attempts
from percepkit.engine.tables import ensure_writable, read_table, write_table
from percepkit.eval import metrics as metric_floor
from percepkit.eval.metrics import Outcome, Panel
from percepkit.eval.metrics._interface import failed
from percepkit.synth.corpus import Corpus, open_corpus

__all__ = ["NOISY", "ScoreRun", "code_digest", "enhance_item", "read_scores", "score_corpus", "score_item"]

NOISY = "noisy"  # the unprocessed input, scored like a denoiser
_ITEMS_PER_SLICE = 4
_STEMS = ("noisy", "clean", "speech", "noise")
_PART_KIND = "score_part"
_COLUMNS = ("item", "denoiser", "metric", "value", "status", "reason", "metric_version", "seconds")


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
        Items taken over from an earlier run.
    skipped : mapping of int
        Items of the corpus that were not rendered, counted by their status.
    """

    path: Path
    n_items: int
    n_resumed: int
    skipped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Slice:
    items: tuple[int, ...]
    part: Path

    def __str__(self) -> str:
        return f"items {self.items[0]} to {self.items[-1]}"


@dataclass(frozen=True)
class _Job:
    corpus: Path
    denoisers: tuple[str, ...]
    metrics: tuple[str, ...]


def score_corpus(
    corpus_folder: str | Path,
    denoisers: Sequence[str],
    metrics: Sequence[str],
    out: str | Path,
    *,
    client: Any,
    limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ScoreRun:
    """Score denoisers on the items of a corpus and write the table of scores.

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
    job = _Job(Path(corpus_folder).resolve(), tuple(sorted({*denoisers, NOISY})), tuple(sorted(set(metrics))))
    settings = _settings(job)
    corpus = open_corpus(job.corpus)
    usable = _usable(corpus, corpus_folder, limit)
    ensure_writable(out)
    parts = out.with_name(f"{out.name}.parts").resolve()
    sweep_attempts(parts)
    slices = list(_slices(usable, settings, parts))
    waiting = [piece for piece in slices if not piece.part.exists()]
    n_resumed = len(usable) - sum(len(piece.items) for piece in waiting)
    n_done = n_resumed
    for piece, _ in map_shards(_score_slice, waiting, client=client, payload=job):
        n_done += len(piece.items)
        if progress:
            progress(n_done, len(usable))
    _merge(slices, out)
    _remove(parts)
    skipped = Counter(corpus.items["status"][corpus.items["status"] != "ok"])
    return ScoreRun(out, len(usable), n_resumed, dict(skipped))


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
        metric_version, seconds.
    """
    return read_table(path, kind="scores")


def _settings(job: _Job) -> str:
    """Everything but the items that the scores depend on; raises for unknown names."""
    if not job.metrics:
        raise ValueError(f"no metric to compute; choose from {', '.join(metric_floor.names())}")
    versions = [f"{name} {metric_floor.load(name).SPEC.version}" for name in job.metrics]
    return repr((versions, [(name, code_digest(name)) for name in job.denoisers]))


def code_digest(name: str) -> str:
    """Digest of the module that a denoiser comes from: its parts are not taken over after an edit."""
    if name == NOISY:
        return ""
    denoiser = registry.load(name)
    module = name.partition(":")[0] if ":" in name else type(denoiser).__module__
    source = getattr(sys.modules[module], "__file__", None)
    return blake2b(Path(source).read_bytes() if source else b"", digest_size=16).hexdigest()


def _slices(usable: pd.DataFrame, settings: str, parts: Path) -> Iterator[_Slice]:
    """Cut every shard's items into slices, the same ones whatever the number of workers."""
    for _, shard in usable.groupby("shard", sort=True):
        for first in range(0, len(shard), _ITEMS_PER_SLICE):
            rows = shard.iloc[first : first + _ITEMS_PER_SLICE]
            content = settings + rows.to_json(orient="records", double_precision=15)
            key = blake2b(content.encode(), digest_size=16).hexdigest()
            yield _Slice(tuple(int(item) for item in rows["item"]), parts / f"part-{key}.parquet")


def _score_slice(piece: _Slice, job: _Job) -> None:
    """Score the items of a slice and write its part; this runs on a worker."""
    corpus = open_corpus(job.corpus)
    denoisers = {name: registry.load(name) for name in job.denoisers if name != NOISY}
    versions = {name: metric_floor.load(name).SPEC.version for name in job.metrics}
    rows = [
        (item, denoiser, metric, cell.value, cell.status, cell.reason, versions[metric], cell.seconds)
        for item in piece.items
        for denoiser, metric, cell in score_item(corpus, item, denoisers, job.metrics)
    ]
    write_table(pd.DataFrame(rows, columns=list(_COLUMNS)), piece.part, kind=_PART_KIND)


def score_item(
    corpus: Corpus, item: int, denoisers: Mapping[str, Denoiser | Oracle], metrics: Sequence[str]
) -> Iterator[tuple[str, str, Outcome]]:
    """Score the noisy input and denoisers on one item: name, metric and outcome of every cell."""
    oracles = any(denoiser.spec.needs == "stems" for denoiser in denoisers.values())
    stems = {name: corpus.stem(item, name) for name in (_STEMS if oracles else _STEMS[:2])}
    noise = stems.get("noise")
    if noise is None and _need_noise(metrics) and "noise" in corpus.recipe.stems:
        noise = corpus.stem(item, "noise")
    panel = Panel(metrics, stems["clean"], corpus.sample_rate, noise=noise)
    for metric, outcome in panel.score(stems["noisy"]).items():
        yield NOISY, metric, outcome
    for name, denoiser in denoisers.items():
        try:
            enhanced = enhance_item(denoiser, stems, corpus.sample_rate)
        except Exception as error:  # whatever somebody's denoiser raises is a result, not the end of the run
            outcomes = dict.fromkeys(metrics, failed("denoiser_failed", f"{type(error).__name__}: {error}"))
        else:
            outcomes = panel.score(enhanced)
        for metric, outcome in outcomes.items():
            yield name, metric, outcome


def _need_noise(metrics: Sequence[str]) -> bool:
    return any(metric_floor.load(name).SPEC.needs == "noise" for name in metrics)


def enhance_item(denoiser: Denoiser | Oracle, stems: Mapping[str, np.ndarray], sample_rate: int) -> np.ndarray:
    """Run a denoiser or oracle on one item, at a sample rate that it supports.

    Parameters
    ----------
    denoiser : Denoiser or Oracle
        One with native sample rates is run at the corpus' rate if it is among them, else at the next higher
        one (the highest if there is none), with resampling there and back.
    stems : mapping of float array, shape (n_samples,)
        ``"noisy"``, and for an oracle ``"clean"``, ``"speech"`` and ``"noise"`` too; left as they are.
    sample_rate : int
        Hz.

    Returns
    -------
    float array
        Of the length of the noisy stem, unless the denoiser returned another length.
    """
    rates = denoiser.spec.native_sample_rates
    rate = sample_rate if rates is None else _native_rate(rates, sample_rate)
    wanted = _STEMS if denoiser.spec.needs == "stems" else _STEMS[:1]
    inputs = {name: resample(stems[name], sample_rate, rate).copy() for name in wanted}
    n_native = len(inputs["noisy"])
    run = denoiser.for_item(inputs, rate) if isinstance(denoiser, Oracle) else denoiser
    enhanced = np.asarray(run(inputs["noisy"].copy(), rate))
    if enhanced.ndim != 1 or not np.issubdtype(enhanced.dtype, np.floating):
        found = f"{enhanced.dtype} of shape {enhanced.shape}"
        raise ValueError(f"expected floats of shape ({n_native},), found {found}")
    if rate == sample_rate or len(enhanced) != n_native or not np.isfinite(enhanced).all():
        return enhanced
    return resample(enhanced, rate, sample_rate)[: len(stems["noisy"])]


def _native_rate(rates: Sequence[int], sample_rate: int) -> int:
    return min((rate for rate in rates if rate >= sample_rate), default=max(rates))


def _merge(slices: Sequence[_Slice], out: Path) -> None:
    table = pd.concat([read_table(piece.part, kind=_PART_KIND) for piece in slices], ignore_index=True)
    table = table.sort_values(["item", "denoiser", "metric"], ignore_index=True)
    write_table(table, out, kind="scores")


def _remove(parts: Path) -> None:
    for part in parts.glob("part-*.parquet"):
        part.unlink()
    with contextlib.suppress(OSError):  # something that is not ours lies in it
        parts.rmdir()
