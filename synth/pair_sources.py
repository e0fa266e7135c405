"""Ready-made pairs as sources: which of a table a recipe may draw from, and which part of each is heard twice."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from percepkit.manifests.pairs import read_pairs
from percepkit.manifests.split import find_leaks
from percepkit.manifests.table import as_manifest

__all__ = ["PairSources", "Pairs", "load_pairs"]

SHORTEST_SECONDS = 0.25
LABELS = ["speaker", "group", "split", "status"]


class Pairs(BaseModel):
    """Ready-made noisy and clean recordings in place of speech and noise.

    With ``align``, the delay, drift, polarity and gain that `percepkit manifest pair` has found are undone: the
    noisy recording is moved, the clean one scaled. ``order: drawn`` cuts items anywhere, longer pairs more often;
    a pair shorter than an item ends in silence. ``order: each`` makes item k of pair k, at its own length up to
    ``item_seconds``: for test sets.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    manifest: str
    align: bool = True
    order: Literal["drawn", "each"] = "drawn"


@dataclass(frozen=True, eq=False)
class PairSources:
    """The pairs that a recipe draws from.

    Attributes
    ----------
    table : DataFrame
        Rows of `percepkit.manifests.pairs.COLUMNS`, sorted by the noisy path, with the alignment that applies
        (none where the recipe wants none), and ``first`` and ``last``: the samples of the clean file between which
        both recordings are heard.
    dropped : tuple of str
        What was left out, and why.
    """

    table: pd.DataFrame
    dropped: tuple[str, ...] = ()

    @property
    def roots(self) -> set[str]:
        """Names of the roots under which the files lie."""
        return set(self.table["clean_root_name"]) | set(self.table["noisy_root_name"])

    def files(self, side: Literal["clean", "noisy"]) -> pd.DataFrame:
        """One side of every pair with a manifest's names of columns."""
        names = [name for name in self.table if name.startswith(f"{side}_")]
        return self.table[names].rename(columns=lambda name: name.removeprefix(f"{side}_"))


def load_pairs(pairs: Pairs, folder: Path, split: str) -> PairSources:
    """Read a table of pairs, relative to ``folder``.

    Raises
    ------
    ValueError
        If it is missing, its splits leak, or no pair in it can be used.
    """
    path = folder / pairs.manifest
    table = read_pairs(path)
    good = table["status"] == "ok"
    if not pairs.align:
        good |= table["status"] == "unaligned"
        identical = (table["delay_seconds"] == 0) & (table["drift_ppm"] == 0)
        table = table.assign(delay_seconds=0.0, drift_ppm=0.0, gain=1.0)
        table["relation"] = table["relation"].where(identical, "rerecorded")
    table = _of_split(table[good], path, split)
    pace = 1 + table["drift_ppm"] * 1e-6
    rate = table["clean_sample_rate"].astype(np.float64)
    begin = (-table["delay_seconds"] / pace).clip(lower=0)
    end = ((table["noisy_duration"] - table["delay_seconds"]) / pace).clip(upper=table["clean_duration"])
    # A whole delay leaves whole samples, whatever the last bit of the product says.
    first, last = (begin * rate).round(6).map(np.ceil), (end * rate).round(6).map(np.floor)
    table = table.assign(first=first.astype("int64"), last=last.astype("int64"))
    long_enough = last - first >= SHORTEST_SECONDS * rate
    table = table[long_enough]
    if table.empty:
        raise ValueError(f"{path}: no usable pair in this table (recipe key pairs.manifest); pair other files")
    short = f"{(~long_enough).sum()} of {len(long_enough)} pairs are both heard for less than {SHORTEST_SECONDS} s"
    dropped = () if long_enough.all() else (f"pairs.manifest: {short}",)
    return PairSources(table.sort_values(["noisy_root_name", "noisy_path"], ignore_index=True), dropped)


def _of_split(table: pd.DataFrame, path: Path, split: str) -> pd.DataFrame:
    """Pairs of the recipe's split, if they are split; no clean file, speaker or group may be in two."""
    if not table["split"].notna().any():
        return table
    files = {f"clean_{name}": name for name in ("root_name", "path", "hash", "duration")}
    leaks = find_leaks(
        as_manifest(table[[*files, *LABELS]].rename(columns=files).assign(kind="speech", status="ok"))
    )
    if leaks:
        raise ValueError(
            f"{path}: its splits leak: {leaks[0]}" + (f" (and {len(leaks) - 1} more)" * (len(leaks) > 1))
        )
    known = sorted(table["split"].dropna().unique())
    if split not in known:
        raise ValueError(f"{path}: no pairs of split {split!r} (recipe key split); it has: {', '.join(known)}")
    return table[table["split"] == split]
