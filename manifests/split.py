"""Splits for training, validation and test that share no speaker, no recording, no room and no audio.

Files that share any of these form one unit, directly or through others, and a unit goes to one split as a whole. A
file without a speaker label may be anybody: all such files of a folder form one unit.
"""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from percepkit.dsp.draws import key_of, uniform, words
from percepkit.manifests.table import contents, usable

__all__ = ["RELATIONS", "assign_splits", "find_leaks", "split_proof"]

#: What two files may have in common that would leak from one split into another. Audio is equal by its checksum,
#: content by its fingerprint.
RELATIONS = ("speaker", "folder of unlabelled speech", "recording or room", "audio", "content")


def assign_splits(frame: pd.DataFrame, shares: Mapping[str, float], *, seed: int) -> pd.DataFrame:
    """Divide the usable files of manifests among splits.

    Units are put in an order drawn from ``seed`` and their names, and cut where the shares of the total duration
    are reached: files that are added later move few of the others.

    Parameters
    ----------
    frame : DataFrame
        Rows of one or more manifests of one kind.
    shares : mapping of split to share
        Above 0, summing to 1.
    seed : int

    Returns
    -------
    DataFrame
        The rows with their column ``split``; null for files that are not usable.

    Raises
    ------
    ValueError
        If the shares do not sum to 1, or there are fewer units than splits.
    """
    if not shares or min(shares.values()) <= 0 or abs(sum(shares.values()) - 1) > 1e-6:
        raise ValueError(f"shares must be above 0 and sum to 1, found {dict(shares)}")
    frame = frame.reset_index(drop=True)
    rows = frame.index[frame["status"] == "ok"]
    unit, names = _units(frame.loc[rows])
    if len(names) < len(shares):
        raise ValueError(
            f"{len(names)} independent units cannot fill {len(shares)} splits; label speakers (scan --pattern or "
            "--metadata), or ask for fewer splits"
        )
    length = np.bincount(unit, frame.loc[rows, "duration"].to_numpy(np.float64), minlength=len(names))
    draw = np.array([uniform(words(key_of(seed, "split", name), 0, 1))[0, 0] for name in names])
    order = np.argsort(draw)
    middle = (np.cumsum(length[order]) - length[order] / 2) / max(length.sum(), 1e-9)
    edges = np.cumsum(list(shares.values()))[:-1]
    place = np.empty(len(names), np.int64)
    place[order] = np.searchsorted(edges, middle, side="right")
    _fill_empty(place, length, len(shares))
    split = pd.Series(None, index=frame.index, dtype=object)
    split[rows] = np.array(list(shares), dtype=object)[place[unit]]
    return frame.assign(split=split)


def _fill_empty(place: np.ndarray, length: np.ndarray, n_splits: int) -> None:
    """Give a split without a unit the shortest one of the split that has most of them."""
    for split in range(n_splits):
        if not (place == split).any():
            richest = int(np.argmax(np.bincount(place, minlength=n_splits)))
            members = np.flatnonzero(place == richest)
            place[members[np.argmin(length[members])]] = split


def find_leaks(frame: pd.DataFrame) -> list[str]:
    """Everything that is in more than one split, one sentence each; empty for a sound division.

    Parameters
    ----------
    frame : DataFrame
        Rows of manifests with a column ``split``.
    """
    rows = usable(frame)
    rows = rows[rows["split"].notna()]
    leaks = []
    for relation in RELATIONS:
        keys = _keys(rows, relation)
        held = pd.DataFrame({"key": keys, "split": rows["split"]}).dropna()
        for key, group in held.groupby("key"):
            counts = group["split"].value_counts()
            if len(counts) > 1:
                where = " and ".join(f"{split} ({n} files)" for split, n in sorted(counts.items()))
                leaks.append(f"{relation} {key} is in {where}")
    return leaks


def split_proof(frame: pd.DataFrame) -> dict[str, Any]:
    """What a division rests on: sizes, how many things tell files apart, and that none is in two splits."""
    rows = usable(frame)
    rows = rows[rows["split"].notna()]
    unlabelled = rows[(rows["kind"] == "speech") & rows["speaker"].isna()]
    return {
        "splits": {
            str(split): {
                "files": len(group),
                "hours": round(float(group["duration"].sum()) / 3600, 4),
                "speakers": int(group["speaker"].nunique()),
            }
            for split, group in rows.groupby("split")
        },
        "told_apart_by": {relation: int(_keys(rows, relation).nunique()) for relation in RELATIONS},
        "in_more_than_one_split": find_leaks(frame),
        "weakest_evidence": {
            "speech_files_without_speaker": len(unlabelled),
            "in_folders": int(_keys(rows, "folder of unlabelled speech").nunique()),
        },
    }


def _keys(rows: pd.DataFrame, relation: str) -> pd.Series:
    """What each file shares with others by one relation; null where it takes no part."""
    speech = rows["kind"] == "speech"
    if relation == "speaker":
        return rows["speaker"].where(speech & rows["speaker"].notna(), None)
    if relation == "folder of unlabelled speech":
        folder = rows["root_name"] + "/" + rows["path"].map(lambda path: str(PurePosixPath(path).parent))
        return folder.where(speech & rows["speaker"].isna(), None)
    if relation == "recording or room":
        return (rows["root_name"] + "/" + rows["group"].fillna("")).where(rows["group"].notna(), None)
    if relation == "content":  # known once `percepkit.manifests.duplicates` has looked
        return contents(rows)
    return rows["hash"].where(rows["hash"].notna(), None)


def _units(rows: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
    """Unit of each row, and a name of each unit that does not depend on the other units."""
    edges = list(_edges(rows))
    n = len(rows) + sum(count for _, count in edges)
    first, source, target = len(rows), [], []
    for codes, count in edges:
        known = np.flatnonzero(codes >= 0)
        source.append(known)
        target.append(first + codes[known])
        first += count
    pairs = (np.concatenate(source), np.concatenate(target))
    _, unit = connected_components(coo_array((np.ones(len(pairs[0])), pairs), shape=(n, n)), directed=False)
    unit = np.unique(unit[: len(rows)], return_inverse=True)[1]
    label = rows["speaker"].fillna(rows["root_name"] + "/" + rows["path"]).to_numpy(object)
    names: dict[int, str] = {}
    for number, name in zip(unit.tolist(), label.tolist(), strict=True):
        names[number] = min(name, names.get(number, name))
    return unit, [names[number] for number in range(len(names))]


def _edges(rows: pd.DataFrame) -> Iterator[tuple[np.ndarray, int]]:
    for relation in RELATIONS:
        codes, keys = pd.factorize(_keys(rows, relation), use_na_sentinel=True)
        yield codes, len(keys)
