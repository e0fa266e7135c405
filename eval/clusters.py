"""Clusters: items that share a speaker, a noise or a room are alike, and statistics must know it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from percepkit.eval.conditions import condition_column

__all__ = ["DIMENSIONS", "cluster_codes", "known_dimensions", "place_items", "singular"]

#: What items of a corpus may share, and what results should carry over to: new voices, new noises, new rooms.
DIMENSIONS = ("speaker", "noise", "room")


def known_dimensions(items: pd.DataFrame) -> list[str]:
    """Of `DIMENSIONS`, those that the items tell something about.

    Examples
    --------
    >>> known_dimensions(pd.DataFrame({"speaker": ["a", "b"], "room": [None, None]}))
    ['speaker']
    """
    return [name for name in DIMENSIONS if (labels := _labels(items, name)) is not None and labels.notna().any()]


def singular(name: str) -> str:
    """Word for one cluster of a dimension; more of them have an s.

    Examples
    --------
    >>> singular("speaker"), singular("speech")
    ('speaker', 'recording')
    """
    return "recording" if name == "speech" else name


def cluster_codes(items: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
    """Number the cluster that each item belongs to, in each dimension.

    Parameters
    ----------
    items : DataFrame
        The corpus' items.
    names : sequence of str
        Columns of ``items``. ``"noise"`` stands for the kind of a generated noise, or else the first recording
        in ``noise_paths``; ``"speech"`` for the first recording in ``speech_paths``.

    Returns
    -------
    int array, shape (n_items, n_names)
        An item whose value is missing (no room, an unknown speaker) is a cluster of its own.

    Raises
    ------
    ValueError
        If there is no such column, or it holds lists.

    Examples
    --------
    >>> cluster_codes(pd.DataFrame({"speaker": ["a", "b", "a", None, None]}), ["speaker"])[:, 0]
    array([0, 1, 0, 2, 3])
    """
    codes = np.empty((len(items), len(names)), dtype=np.int64)
    for position, name in enumerate(names):
        labels = _labels(items, name)
        if labels is None:
            known = ", ".join(map(str, items.columns))
            raise ValueError(f"items have no column {name!r} to make clusters of; columns: {known}")
        if any(isinstance(label, list | tuple | np.ndarray) for label in labels):
            raise ValueError(
                f"items have lists in {name!r}; make clusters of speech or noise, their first recording"
            )
        code, levels = pd.factorize(labels)
        alone = code < 0
        code[alone] = len(levels) + np.arange(alone.sum())
        codes[:, position] = code
    return codes


def place_items(
    items: pd.DataFrame, by: Sequence[str], clusters: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Say in which conditions and clusters items are.

    Returns
    -------
    DataFrame
        Columns item and, for each condition of ``by``, its categorical levels.
    DataFrame
        Numbers of the clusters, indexed by item; without ``clusters`` every item is one.
    """
    levels = pd.DataFrame({"item": items["item"]} | {name: condition_column(items, name) for name in by})
    return levels, pd.DataFrame(cluster_codes(items, clusters or ["item"]), index=items["item"])


def _labels(items: pd.DataFrame, name: str) -> pd.Series | None:
    if name in items:
        return items[name]
    paths = f"{name}_paths"
    if name not in ("speech", "noise") or paths not in items:
        return None
    first = items[paths].map(lambda found: found[0] if found is not None and len(found) else None)
    if name == "speech" or "generated" not in items:
        return first
    return items["generated"].where(items["generated"].notna(), first)
