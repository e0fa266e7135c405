"""Scoring in slices of a few items, so that a run that was killed goes on where it stopped.

Each slice is a part of the table, written whole and named by what its scores depend on.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pandas as pd

from percepkit.engine.shards import map_shards, sweep_attempts
from percepkit.engine.tables import ensure_writable, read_table, write_table
from percepkit.eval import metrics as metric_floor
from percepkit.eval.metrics import Outcome

__all__ = ["COLUMNS", "Cells", "metric_versions", "score_in_slices"]

COLUMNS = ("item", "denoiser", "metric", "value", "status", "reason", "metric_version", "seconds")
ITEMS_PER_SLICE = 4
_PART_KIND = "score_part"

#: Item, denoiser, metric and outcome of each cell.
Cells = Iterable[tuple[int, str, str, Outcome]]


@dataclass(frozen=True)
class _Slice:
    items: tuple[int, ...]
    part: Path

    def __str__(self) -> str:
        return f"items {self.items[0]} to {self.items[-1]}"


@dataclass(frozen=True)
class _Work:
    score: Callable[[Sequence[int], Any], Cells]
    job: Any


def metric_versions(metrics: Iterable[str]) -> dict[str, str]:
    """Version of each metric; raises `ValueError` for one that is unknown or not installed, or if there is none.

    Examples
    --------
    >>> list(metric_versions(["stoi"]))
    ['stoi']
    """
    versions = {name: metric_floor.load_installed(name).SPEC.version for name in metrics}
    if not versions:
        raise ValueError(f"no metric to compute; choose from {', '.join(metric_floor.names())}")
    return versions


def score_in_slices(
    score: Callable[[Sequence[int], Any], Cells],
    items: pd.DataFrame,
    out: Path,
    *,
    job: Any,
    settings: str,
    client: Any,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Score all items and write the score table.

    Parameters
    ----------
    score : callable
        Called on workers as ``score(items, job)`` with a few item numbers; gives the cells of their rows.
    items : DataFrame
        Items to score, with columns ``item`` and ``shard``; a part is taken over only if the rows of its items
        are as they were.
    out : path
        The table; ``OUT.parts`` holds unfinished work.
    job : object
        What all slices need.
    settings : str
        Everything else that the scores depend on.
    client
        From `percepkit.engine.cluster.client`.
    progress : callable, optional
        Called with the number of items done and to do.

    Returns
    -------
    int
        Items taken over from an earlier run.
    """
    ensure_writable(out)
    parts = out.with_name(f"{out.name}.parts").resolve()
    sweep_attempts(parts)
    slices = list(_slices(items, settings, parts))
    waiting = [piece for piece in slices if not piece.part.exists()]
    n_done = n_resumed = len(items) - sum(len(piece.items) for piece in waiting)
    for piece, _ in map_shards(_write_part, waiting, client=client, payload=_Work(score, job)):
        n_done += len(piece.items)
        if progress:
            progress(n_done, len(items))
    _merge(slices, out)
    _remove(parts)
    return n_resumed


def _slices(items: pd.DataFrame, settings: str, parts: Path) -> Iterator[_Slice]:
    """Cut every shard's items into slices, the same ones whatever the number of workers."""
    for _, shard in items.groupby("shard", sort=True):
        for first in range(0, len(shard), ITEMS_PER_SLICE):
            rows = shard.iloc[first : first + ITEMS_PER_SLICE]
            content = settings + rows.to_json(orient="records", double_precision=15)
            key = blake2b(content.encode(), digest_size=16).hexdigest()
            yield _Slice(tuple(int(item) for item in rows["item"]), parts / f"part-{key}.parquet")


def _write_part(piece: _Slice, work: _Work) -> None:
    """Score the items of a slice; this runs on a worker."""
    rows = [
        (item, denoiser, metric, cell.value, cell.status, cell.reason, _version(metric), cell.seconds)
        for item, denoiser, metric, cell in work.score(piece.items, work.job)
    ]
    write_table(pd.DataFrame(rows, columns=list(COLUMNS)), piece.part, kind=_PART_KIND)


def _version(metric: str) -> str:
    return metric_floor.load(metric).SPEC.version


def _merge(slices: Sequence[_Slice], out: Path) -> None:
    table = pd.concat([read_table(piece.part, kind=_PART_KIND) for piece in slices], ignore_index=True)
    table = table.sort_values(["item", "denoiser", "metric"], ignore_index=True)
    write_table(table, out, kind="scores")


def _remove(parts: Path) -> None:
    for part in parts.glob("part-*.parquet"):
        part.unlink()
    with contextlib.suppress(OSError):  # something that is not ours lies in it
        parts.rmdir()
