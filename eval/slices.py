"""Scoring in slices of a few items, so that a run that was killed goes on where it stopped.

Each slice is a part of the table, written whole and named by what its scores depend on. What earlier tables hold
is not computed again.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pandas as pd

from percepkit.engine.shards import map_shards, sweep_attempts
from percepkit.engine.tables import ensure_writable, read_table, write_table
from percepkit.eval import metrics as metric_floor
from percepkit.eval.metrics import Outcome
from percepkit.eval.reuse import COLUMNS, Wanted, earlier_rows, missing_cells, rows_found

__all__ = ["Cells", "Score", "metric_versions", "score_in_slices"]

ITEMS_PER_SLICE = 4
_PART_KIND = "score_part"

#: Item, denoiser, metric and outcome of each cell.
Cells = Iterable[tuple[int, str, str, Outcome]]

#: Scores what is wanted, given what all slices need.
Score = Callable[[Wanted, Any], Cells]


@dataclass(frozen=True)
class _Slice:
    wanted: Wanted = field(hash=False)
    part: Path

    def __str__(self) -> str:
        return f"items {min(self.wanted)} to {max(self.wanted)}"


@dataclass(frozen=True)
class _Work:
    score: Score
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
    score: Score,
    items: pd.DataFrame,
    out: Path,
    *,
    metrics: Sequence[str],
    keys: pd.DataFrame,
    job: Any,
    settings: str,
    client: Any,
    reuse: Iterable[str | Path] = (),
    progress: Callable[[int, int], None] | None = None,
) -> tuple[int, int]:
    """Score all items and write the score table.

    Parameters
    ----------
    score : callable
        Called on workers as ``score(wanted, job)`` with what is wanted of a few items; gives the rows' cells.
    items : DataFrame
        Items to score, with columns ``item`` and ``shard``; a part is taken over only if the rows of its items
        are as they were.
    out : path
        The table; ``OUT.parts`` holds unfinished work. What a table of this name holds already is taken over.
    metrics : sequence of str
    keys : DataFrame
        Columns item, denoiser and key (see `percepkit.eval.reuse`) of all that is to be scored.
    job : object
        What all slices need.
    settings : str
        Everything else that the scores depend on.
    client
        From `percepkit.engine.cluster.client`.
    reuse : iterable of paths
        Further score tables to take over from.
    progress : callable, optional
        Called with the number of items done and to do.

    Returns
    -------
    int, int
        Items taken over from a run that was stopped, and scores taken over from earlier tables.
    """
    ensure_writable(out)
    found = rows_found(earlier_rows(out, reuse), keys, metric_versions(metrics))
    wanted = missing_cells(keys, metrics, found)
    parts = out.with_name(f"{out.name}.parts").resolve()
    sweep_attempts(parts)
    slices = list(_slices(items, wanted, settings, parts))
    waiting = [piece for piece in slices if not piece.part.exists()]
    n_waiting = sum(len(piece.wanted) for piece in waiting)
    n_done, n_resumed = len(items) - n_waiting, len(wanted) - n_waiting
    if progress and n_done:
        progress(n_done, len(items))
    for piece, _ in map_shards(_write_part, waiting, client=client, payload=_Work(score, job)):
        n_done += len(piece.wanted)
        if progress:
            progress(n_done, len(items))
    _merge(slices, found, keys, out)
    _remove(parts)
    return n_resumed, len(found)


def _slices(items: pd.DataFrame, wanted: Wanted, settings: str, parts: Path) -> Iterator[_Slice]:
    """Cut every shard's items into slices, the same ones whatever the number of workers."""
    for _, shard in items[items["item"].isin(list(wanted))].groupby("shard", sort=True):
        for first in range(0, len(shard), ITEMS_PER_SLICE):
            rows = shard.iloc[first : first + ITEMS_PER_SLICE]
            own = {int(item): wanted[int(item)] for item in rows["item"]}
            content = f"{settings}{rows.to_json(orient='records', double_precision=15)}{own}"
            key = blake2b(content.encode(), digest_size=16).hexdigest()
            yield _Slice(own, parts / f"part-{key}.parquet")


def _write_part(piece: _Slice, work: _Work) -> None:
    """Score the items of a slice; this runs on a worker."""
    rows = [
        (item, denoiser, metric, cell.value, cell.status, cell.reason, _version(metric), cell.seconds)
        for item, denoiser, metric, cell in work.score(piece.wanted, work.job)
    ]
    write_table(pd.DataFrame(rows, columns=list(COLUMNS[:-1])), piece.part, kind=_PART_KIND)


def _version(metric: str) -> str:
    return metric_floor.load(metric).SPEC.version


def _merge(slices: Sequence[_Slice], found: pd.DataFrame, keys: pd.DataFrame, out: Path) -> None:
    """Join the parts to the rows that were found."""
    tables = [found] if len(found) else []
    if slices:
        parts = pd.concat([read_table(piece.part, kind=_PART_KIND) for piece in slices], ignore_index=True)
        tables.append(parts.merge(keys, on=["item", "denoiser"], validate="m:1")[list(COLUMNS)])
    table = pd.concat(tables, ignore_index=True).sort_values(["item", "denoiser", "metric"], ignore_index=True)
    write_table(table, out, kind="scores")


def _remove(parts: Path) -> None:
    for part in parts.glob("part-*.parquet"):
        part.unlink()
    with contextlib.suppress(OSError):  # something that is not ours lies in it
        parts.rmdir()
