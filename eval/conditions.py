"""Conditions: the columns of items that results are grouped by, with numbers cut into bins."""

import numpy as np
import pandas as pd

__all__ = ["bin_labels", "condition_column"]

_MAX_LEVELS = 12  # with no more distinct values than this, each is a condition of its own
_STEPS = {"rt60": (0.2, "s"), "seconds": (2.0, "s"), "drr": (5.0, "dB"), "c50": (5.0, "dB")}


def bin_labels(values: np.ndarray, *, step: float, unit: str) -> pd.Categorical:
    """Label numbers by the condition they belong to, in numeric order.

    Parameters
    ----------
    values : float array, shape (n,)
        NaN becomes the last label, ``"none"``.
    step : float
        Width of the bins, used when there are more than 12 distinct values. A bin holds its lower edge and
        not its upper; edges are the multiples of ``step``.
    unit : str
        Printed in the labels.

    Examples
    --------
    >>> list(bin_labels(np.array([5.0, -5.0, np.nan]), step=5.0, unit="dB"))
    ['5 dB', '-5 dB', 'none']
    >>> labels = bin_labels(np.linspace(-4.9, 4.9, 50), step=5.0, unit="dB")
    >>> labels[0], labels[-1]
    ('[-5, 0) dB', '[0, 5) dB')
    """
    values = np.asarray(values, dtype=np.float64)
    present = ~np.isnan(values)
    levels, number = np.unique(values[present], return_inverse=True)
    if len(levels) <= _MAX_LEVELS:
        names = [f"{level:g} {unit}".rstrip() for level in levels]
    else:
        # The share of a rounding error keeps 0.6 / 0.2 in the bin that starts at 0.6.
        steps, number = np.unique(np.floor(values[present] / step + 1e-9), return_inverse=True)
        names = [f"[{low * step:g}, {(low + 1) * step:g}) {unit}".rstrip() for low in steps]
    labels = np.full(len(values), "none", dtype=object)
    labels[present] = np.array(names, dtype=object)[number]
    missing = [] if present.all() else ["none"]
    return pd.Categorical(labels, [*dict.fromkeys(names), *missing], ordered=True)


def condition_column(items: pd.DataFrame, name: str) -> pd.Categorical:
    """Give the condition of each item.

    Parameters
    ----------
    items : DataFrame
        The corpus' items.
    name : str
        A column. Numbers are binned: decibels by 5 dB, RT60 by 0.2 s. ``"snr_bin"`` means the column
        ``snr_db``.

    Returns
    -------
    Categorical
        Ordered by value or name, missing values last as ``"none"``.

    Raises
    ------
    ValueError
        If there is no such column, or if it holds many numbers that have no bin width.

    Examples
    --------
    >>> list(condition_column(pd.DataFrame({"room": ["office", None]}), "room"))
    ['office', 'none']
    """
    stem = name.removesuffix("_bin")
    column = next((known for known in (name, stem, f"{stem}_db") if known in items), None)
    if column is None:
        raise ValueError(
            f"items have no column {name!r} to group by; columns: {', '.join(map(str, items.columns))}"
        )
    values = items[column]
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        step, unit = _bins_of(column, values.nunique())
        return bin_labels(values.to_numpy(dtype=np.float64, na_value=np.nan), step=step, unit=unit)
    labels = values.astype(object).where(values.notna(), "none").astype(str)
    levels = sorted(set(labels) - {"none"}) + (["none"] if (labels == "none").any() else [])
    return pd.Categorical(labels, levels, ordered=True)


def _bins_of(column: str, n_levels: int) -> tuple[float, str]:
    if column.endswith(("_db", "_dbfs")):
        return 5.0, "dB"
    if column not in _STEPS and n_levels > _MAX_LEVELS:
        raise ValueError(f"column {column!r} holds {n_levels} numbers and has no bin width; group by another one")
    return _STEPS.get(column, (1.0, ""))
