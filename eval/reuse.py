"""Scores that are there already, found again by what they depend on, whatever table and item they stand in.

A row of a score table has a key: a digest of the item's sound and of the denoiser's state. Together with the
metric and its version it names a score. Rows of failures that another run need not have are computed anew.
"""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

import pandas as pd

from percepkit.engine.tables import read_table

__all__ = ["COLUMNS", "Wanted", "earlier_rows", "key_of", "missing_cells", "rows_found"]

#: Of a score table.
COLUMNS = ("item", "denoiser", "metric", "value", "status", "reason", "metric_version", "seconds", "key")

#: Metrics to compute for each denoiser of each item.
Wanted = Mapping[int, Mapping[str, Sequence[str]]]

_UNSTABLE = ("backend_error", "crashed", "denoiser_failed", "no_estimate", "timeout", "unreadable")


def key_of(*parts: object) -> str:
    """Digest of plain values.

    Examples
    --------
    >>> key_of("wiener", 16_000) == key_of("wiener", 8_000)
    False
    """
    return blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def earlier_rows(out: Path, reuse: Iterable[str | Path]) -> pd.DataFrame:
    """Rows of score tables that may hold what is wanted: the one that is to be replaced, if it is one, and others.

    Raises
    ------
    ValueError
        If one of the others is no score table.
    """
    tables = []
    with contextlib.suppress(ValueError):  # nothing there, or of another version: it is made anew
        tables.append(read_table(out, kind="scores"))
    tables += [read_table(path, kind="scores") for path in reuse]
    rows = [table[list(COLUMNS)] for table in tables if "key" in table and len(table)]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=list(COLUMNS))


def rows_found(earlier: pd.DataFrame, keys: pd.DataFrame, versions: Mapping[str, str]) -> pd.DataFrame:
    """Earlier rows that are scores of these items and denoisers by metrics of these versions.

    Parameters
    ----------
    earlier : DataFrame
        From `earlier_rows`.
    keys : DataFrame
        Columns item, denoiser and key, empty where nothing can be said of the sound.
    versions : mapping of str
        Of the metrics that are wanted.

    Returns
    -------
    DataFrame
        `COLUMNS`, with the items' numbers and the denoisers' names of ``keys``.

    Examples
    --------
    >>> row = dict.fromkeys(COLUMNS, 0) | {"key": "a", "metric": "stoi", "metric_version": "1", "value": 0.5}
    >>> keys = pd.DataFrame({"item": [7, 8], "denoiser": "wiener", "key": ["a", "b"]})
    >>> rows_found(pd.DataFrame([row]), keys, {"stoi": "1"})[["item", "value"]].values.tolist()
    [[7.0, 0.5]]
    """
    known = (earlier["metric_version"] == earlier["metric"].map(versions)) & (earlier["key"] != "")
    rows = earlier[known & ~earlier["status"].isin(_UNSTABLE)].drop_duplicates(["key", "metric"])
    return keys.merge(rows.drop(columns=["item", "denoiser"]), on="key")[list(COLUMNS)]


def missing_cells(keys: pd.DataFrame, metrics: Sequence[str], found: pd.DataFrame) -> Wanted:
    """What is left to compute; items that have everything are not in it.

    Examples
    --------
    >>> keys = pd.DataFrame({"item": [7, 7], "denoiser": ["noisy", "wiener"], "key": ["a", "b"]})
    >>> found = pd.DataFrame({"item": [7], "denoiser": ["noisy"], "metric": ["stoi"]})
    >>> missing_cells(keys, ["stoi"], found)
    {7: {'wiener': ['stoi']}}
    """
    there: dict[tuple[int, str], set[str]] = {}
    for item, denoiser, metric in found[["item", "denoiser", "metric"]].itertuples(index=False):
        there.setdefault((int(item), denoiser), set()).add(metric)
    wanted: dict[int, dict[str, Sequence[str]]] = {}
    for item, denoiser in keys[["item", "denoiser"]].itertuples(index=False):
        left = [metric for metric in metrics if metric not in there.get((int(item), denoiser), ())]
        if left:
            wanted.setdefault(int(item), {})[denoiser] = left
    return wanted
