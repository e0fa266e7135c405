"""Scoring files against files: references in one folder, estimates in others, no corpus."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from percepkit.engine.tables import ensure_writable, write_table
from percepkit.eval.lateness import realigned
from percepkit.eval.metrics import Outcome, Panel, Unscorable
from percepkit.eval.metrics._interface import failed
from percepkit.eval.paired_files import KIND, PairedFiles, match_files, open_material
from percepkit.eval.reuse import Wanted, key_of
from percepkit.eval.score import NOISY, noted
from percepkit.eval.slices import Cells, metric_versions, score_in_slices

__all__ = ["FileRun", "score_files"]

_VERSION = "files 1"  # changes whenever the same files and metric could give another row


@dataclass(frozen=True)
class FileRun:
    """What a run of `score_files` did.

    Attributes
    ----------
    path : Path
        The score table.
    items : Path
        The table of paired files, which stands where a corpus would.
    n_items, n_resumed, n_reused : int
        References scored, those taken over from a run that was stopped, and scores taken over from earlier tables.
    unused : mapping of lists of str
        Estimates that belong to no reference, by the name of their set.
    """

    path: Path
    items: Path
    n_items: int
    n_resumed: int
    n_reused: int
    unused: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class _Job:
    files: PairedFiles
    metrics: tuple[str, ...]
    align: bool


def score_files(
    reference: str | Path,
    estimates: Mapping[str, str | Path],
    metrics: Sequence[str],
    out: str | Path,
    *,
    client: Any,
    noisy: str | Path | None = None,
    limit: int | None = None,
    align: bool = False,
    reuse: Sequence[str | Path] = (),
    progress: Callable[[int, int], None] | None = None,
) -> FileRun:
    """Score folders of estimates against a folder of references.

    Parameters
    ----------
    reference : path
        Folder of clean files.
    estimates : mapping of path
        Folders of enhanced files by the name that the table gives them. Files belong together by
        `percepkit.eval.paired_files.match_files`.
    metrics : sequence of str
        Names, see `percepkit.eval.metrics.names`. Those that need the noise are given noisy minus reference.
    out : path
        The score table to write; the table of paired files is written beside it, as ``NAME.files.parquet``.
    client
        From `percepkit.engine.cluster.client`.
    noisy : path, optional
        Folder of the unprocessed files, scored as ``noisy``.
    limit : int, optional
        Score only the first references.
    align : bool
        Undo the delay of estimates, file by file. It is measured against the noisy file, or the reference where
        there is none, and noted as the reason of the scores in any case.
    reuse : sequence of paths
        Score tables to take over from, besides ``out`` itself: scores of the same files by the same metrics.
    progress : callable, optional
        Called with the number of items done and to do.

    Returns
    -------
    FileRun

    Raises
    ------
    ValueError
        For an unknown metric, a folder without audio or without any partner, or an output that cannot be
        written. A file that is missing, damaged, of several channels, or of another rate or length than its
        reference becomes the status of its rows.
    """
    out = Path(out)
    if NOISY in estimates:
        raise ValueError(f"the name {NOISY!r} means the unprocessed input; give that folder as noisy")
    settings = repr((metric_versions(sorted(set(metrics))), align))
    table, unused = match_files(reference, {**estimates, **({NOISY: noisy} if noisy else {})})
    if limit is not None:
        table = table.head(limit)
    ensure_writable(out)
    beside = out.with_name(f"{out.name.removesuffix('.parquet')}.files.parquet")
    write_table(table, beside, kind=KIND)
    job = _Job(open_material(beside), tuple(sorted(set(metrics))), align)
    n_resumed, n_reused = score_in_slices(
        _score_items,
        table,
        out,
        metrics=job.metrics,
        keys=_keys(job.files, align),
        job=job,
        settings=settings,
        client=client,
        reuse=reuse,
        progress=progress,
    )
    return FileRun(out, beside, len(table), n_resumed, n_reused, unused)


def _keys(files: PairedFiles, align: bool) -> pd.DataFrame:
    """What the scores of each item and set of estimates depend on: paths, sizes and times of three files."""
    items, rows = files.items, []
    nothing = pd.Series("", index=items.index)
    noisy = [items.get(f"{what}:{NOISY}", nothing) for what in ("path", "made")]
    for name in files.denoisers:
        facts = (items["reference"], items["made"], items[f"path:{name}"], items[f"made:{name}"], *noisy)
        own = align and name != NOISY
        rows += [
            (item, name, key_of(_VERSION, own, *each)) for item, *each in zip(items["item"], *facts, strict=True)
        ]
    return pd.DataFrame(rows, columns=["item", "denoiser", "key"])


def _score_items(wanted: Wanted, job: _Job) -> Cells:
    """Score a few items; this runs on a worker."""
    for item, cells in wanted.items():
        for name, metric, outcome in _score_item(job.files, item, cells, align=job.align):
            yield item, name, metric, outcome


def _score_item(
    files: PairedFiles, item: int, wanted: Mapping[str, Sequence[str]], *, align: bool
) -> Iterator[tuple[str, str, Outcome]]:
    metrics = sorted({metric for names in wanted.values() for metric in names})
    try:
        reference, rate = files.reference(item)
        noise = _noise(files, item, reference, rate)
        panel = Panel(metrics, reference, rate, noise=noise)
    except Unscorable as error:
        for name, own in wanted.items():
            yield from ((name, metric, failed(error.status, error.reason)) for metric in own)
        return
    for name, own in wanted.items():
        try:
            estimate, note = _at_rate(files.estimate(item, name), rate), ""
            if name != NOISY:
                source = reference if noise is None else reference + noise
                estimate, note = realigned(source, estimate, rate, align=align)
            outcomes = {metric: noted(cell, note) for metric, cell in panel.score(estimate, only=own).items()}
        except Unscorable as error:
            outcomes = dict.fromkeys(own, failed(error.status, error.reason))
        for metric, outcome in outcomes.items():
            yield name, metric, outcome


def _at_rate(signal: tuple[np.ndarray, int], rate: int) -> np.ndarray:
    if signal[1] != rate:
        raise Unscorable("rate_mismatch", f"the estimate is at {signal[1]} Hz, the reference at {rate} Hz")
    return signal[0]


def _noise(files: PairedFiles, item: int, reference: np.ndarray, rate: int) -> np.ndarray | None:
    """All that is in the noisy file and not in the reference, where the two can be compared."""
    if NOISY not in files.denoisers:
        return None
    try:
        noisy = _at_rate(files.estimate(item, NOISY), rate)
    except Unscorable:
        return None
    return noisy - reference if noisy.shape == reference.shape else None
