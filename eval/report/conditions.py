"""The groups that the plots compare: SNR steps, noise classes and rooms."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from percepkit.eval.conditions import bin_labels

__all__ = ["Groups", "class_groups", "room_groups", "snr_groups"]

BIN_DB = 5.0
MAX_CLASSES = 14


@dataclass(frozen=True)
class Groups:
    """Items sorted into the groups of one condition.

    Attributes
    ----------
    values : Series of str, indexed like the items
        Label of each item's group; null for items outside all groups.
    labels : list of str
        Groups in the order in which they are drawn.
    counts : list of int
        Items per group.
    positions : list of float
        Place of each group on a numeric axis (SNR in dB), or 0, 1, 2, ...
    note : str
        What a reader must know about the grouping.
    """

    values: pd.Series
    labels: list[str]
    counts: list[int]
    positions: list[float]
    note: str = ""


def snr_groups(items: pd.DataFrame) -> Groups | None:
    """Group items by their requested SNR, see `percepkit.eval.conditions.bin_labels`.

    Parameters
    ----------
    items : DataFrame
        With a column ``snr_db``, in dB, null where no SNR is defined.

    Returns
    -------
    Groups or None
        None when fewer than two groups come out.
    """
    snr = items["snr_db"].astype(float)
    values = pd.Series(bin_labels(snr.to_numpy(), step=BIN_DB, unit="dB"), index=items.index).astype(object)
    values = values.where(snr.notna())
    lowest, highest = snr.groupby(values).min(), snr.groupby(values).max()
    note = "SNR as requested of the corpus."
    positions = lowest
    if (lowest < highest).any():
        positions = (np.floor(lowest / BIN_DB + 1e-9) + 0.5) * BIN_DB
        note = f"SNR in bins of {BIN_DB:g} dB; points stand at the middle of their bin."
    if snr.isna().any():
        note += f" {int(snr.isna().sum())} items without a defined SNR are not shown."
    positions = positions.sort_values()
    return _groups(values, [str(label) for label in positions.index], [float(x) for x in positions], note)


def class_groups(items: pd.DataFrame, order: Sequence[str] = ()) -> Groups | None:
    """Group items by noise class, the most frequent 14 at most.

    Parameters
    ----------
    items : DataFrame
        With a column ``noise_class``.
    order : sequence of str, optional
        Classes in the order in which they are to be drawn; others follow.
    """
    values = items["noise_class"].astype(object).where(items["noise_class"].notna(), "(no class)").astype(str)
    counts = values.value_counts(sort=False)
    ranked = sorted(counts.index, key=lambda name: (-counts[name], name))
    kept, left = ranked[:MAX_CLASSES], ranked[MAX_CLASSES:]
    note = ""
    if left:
        note = f"Only the {len(kept)} most frequent of {len(ranked)} noise classes are shown."
    labels = [name for name in order if name in kept]
    labels += sorted(set(kept) - set(labels))
    return _groups(values.where(values.isin(kept)), labels, [float(k) for k in range(len(labels))], note)


def room_groups(items: pd.DataFrame) -> Groups | None:
    """Group items by room: none, and by reverberation time where there is one.

    Parameters
    ----------
    items : DataFrame
        With columns ``room`` (null = no room) and ``rt60`` in seconds.
    """
    rt60 = items["rt60"].astype(float)
    values = pd.Series("room, RT60 unknown", index=items.index, dtype=object)
    values[rt60 < 0.3] = "RT60 < 0.3 s"
    values[(rt60 >= 0.3) & (rt60 < 0.6)] = "RT60 0.3 to 0.6 s"
    values[rt60 >= 0.6] = "RT60 ≥ 0.6 s"
    values[items["room"].isna()] = "no room"
    order = ["no room", "RT60 < 0.3 s", "RT60 0.3 to 0.6 s", "RT60 ≥ 0.6 s", "room, RT60 unknown"]
    labels = [label for label in order if (values == label).any()]
    return _groups(values, labels, [float(k) for k in range(len(labels))], "")


def _groups(values: pd.Series, labels: list[str], positions: list[float], note: str) -> Groups | None:
    if len(labels) < 2:
        return None
    counts = [int((values == label).sum()) for label in labels]
    return Groups(values, labels, counts, positions, note)
