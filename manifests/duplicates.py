"""Files that hold the same audio: equal once decoded, or re-encoded, resampled, re-levelled or trimmed a little.

Fingerprints are looked up by the words they share, each with its next few neighbours in a sorted list only, so
that the work grows with the number of files and not of pairs. What is found that way is compared bit by bit, and
what is alike is read once more, to compare the waveforms.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from percepkit.audio.resampling import resample
from percepkit.dsp.fingerprint import (
    FLIPS,
    Fingerprint,
    differing_bits,
    fingerprint_of,
    waveform_correlation,
)
from percepkit.engine.shards import map_shards
from percepkit.manifests.measure import read_head
from percepkit.manifests.sweep import map_files
from percepkit.manifests.table import file_ids, resolve

if TYPE_CHECKING:
    from distributed import Client

    from percepkit.engine.cluster import Serial

__all__ = ["find_duplicates", "near_pairs"]

FINGERPRINT_RATE = 8000
MOST_DIFFERING = 0.35  # share of bits, where half differ by chance (Haitsma and Kalker's threshold)
LEAST_CORRELATION = 0.8
LEAST_OVERLAP = 0.8  # of the shorter one's active time: one recording holds the other
FEWEST_ACTIVE = 20  # frames; less than a second of sound is not told apart
NEIGHBOURS = 8
KEYS_AT_ONCE = 20_000_000
PAIRS_PER_SHARD = 32
BANDWIDTH_STEP_HZ = 500.0


def find_duplicates(
    frame: pd.DataFrame,
    roots: Mapping[str, Path],
    *,
    client: "Client | Serial",
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Find files with the same audio and name the one of each group that is the best copy.

    That is the one with the most bandwidth, then the longest. Files shorter than about a second are only compared
    by their checksums, and of long ones the first 60 s count.

    Parameters
    ----------
    frame : DataFrame
        Rows of one or more manifests.
    roots : mapping of str to Path
        The folder of each root name.
    client : distributed.Client or Serial
    progress : callable, optional
        Called as ``progress(done, total)`` with numbers of files.

    Returns
    -------
    DataFrame
        The rows with their column ``duplicate_of``: root name and path of the best copy, null for this one itself
        and for files that are like no other. ``attrs["notes"]`` lists files that could not be read.

    Raises
    ------
    ValueError
        When a root has no folder.
    """
    frame = frame.reset_index(drop=True)
    heard = frame[(frame["status"] == "ok") & (frame["kind"] != "rir")]  # responses of rooms are all alike
    found, notes = map_files(_fingerprint, heard, roots, client=client, progress=progress)
    rows = sorted(found)
    alike = [(rows[a], rows[b]) for a, b in near_pairs([found[row] for row in rows])]
    pairs = np.array(_with_equal_waveforms(heard, alike, roots, client), np.int64).reshape(-1, 2)
    equal = heard.groupby("hash").ngroup().to_numpy()  # -1 where there is none
    same = np.stack([heard.index.to_numpy(), len(frame) + equal], axis=1)[equal >= 0]
    links = np.concatenate([pairs, same])
    n = 2 * len(frame)
    graph = coo_array((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(n, n))
    unit = connected_components(graph, directed=False)[1][: len(frame)]
    out = frame.assign(duplicate_of=_named_after_the_best(frame, unit))
    out.attrs["notes"] = notes
    return out


def _read(path: Path) -> np.ndarray:
    return resample(*read_head(path), FINGERPRINT_RATE)


def _fingerprint(path: Path) -> Fingerprint:
    return fingerprint_of(_read(path), FINGERPRINT_RATE)


def _with_equal_waveforms(
    frame: pd.DataFrame, pairs: Sequence[tuple[int, int]], roots: Mapping[str, Path], client: "Client | Serial"
) -> list[tuple[int, int]]:
    """Those of the pairs of rows whose recordings are really one."""

    def place(row: int) -> Path:
        return resolve(roots, str(frame.at[row, "root_name"]), str(frame.at[row, "path"]))

    def shards() -> Iterator[list[tuple[int, int, Path, Path]]]:
        for first in range(0, len(pairs), PAIRS_PER_SHARD):
            yield [(a, b, place(a), place(b)) for a, b in pairs[first : first + PAIRS_PER_SHARD]]

    return sorted(pair for _, kept in map_shards(_compare, shards(), client=client) for pair in kept)


def _compare(pairs: list[tuple[int, int, Path, Path]]) -> list[tuple[int, int]]:
    return [
        (a, b)
        for a, b, first, second in pairs
        if waveform_correlation(_read(first), _read(second), FINGERPRINT_RATE) >= LEAST_CORRELATION
    ]


def _named_after_the_best(frame: pd.DataFrame, unit: np.ndarray) -> pd.Series:
    table = pd.DataFrame(
        {
            "unit": unit,
            "bandwidth": -(frame["effective_bandwidth"] / BANDWIDTH_STEP_HZ).round(),
            "duration": -frame["duration"],
            "id": file_ids(frame),
        }
    )
    best = table.sort_values(["unit", "bandwidth", "duration", "id"]).groupby("unit")["id"].first()
    original = table["unit"].map(best)
    return original.astype(object).where(original != table["id"], None)


def near_pairs(prints: Sequence[Fingerprint]) -> list[tuple[int, int]]:
    """Pairs whose fingerprints are alike, enough of them to connect each group of copies.

    Parameters
    ----------
    prints : sequence of Fingerprint

    Returns
    -------
    list of (int, int)
        Places in ``prints``, the smaller first.
    """
    active = np.array([np.count_nonzero(item.active) for item in prints], np.int64)
    found = set()
    for a, b, shift in _candidates(prints, active >= FEWEST_ACTIVE).tolist():
        if (a, b) not in found and _is_alike(prints[a], prints[b], shift, min(active[a], active[b])):
            found.add((a, b))
    return sorted(found)


def _is_alike(a: Fingerprint, b: Fingerprint, shift: int, fewest: int) -> bool:
    for near in (shift, shift - 1, shift + 1):  # the places that fit best may be a frame apart
        differing, overlap = differing_bits(a, b, near)
        if differing <= MOST_DIFFERING and overlap * fewest >= max(LEAST_OVERLAP * fewest, FEWEST_ACTIVE):
            return True
    return False


def _candidates(prints: Sequence[Fingerprint], wanted: np.ndarray) -> np.ndarray:
    """Two fingerprints that share a word, and by how much the second begins later: int64 [candidates, 3]."""
    n_keys = sum(len(item.marks) for item in prints) << FLIPS
    portions = -(-n_keys // KEYS_AT_ONCE)
    found = [np.zeros((0, 3), np.int64)]
    for portion in range(portions):
        keys, owners, places = [], [], []
        for number in np.flatnonzero(wanted).tolist():
            own = prints[number].keys()
            mark, column = np.nonzero(own % portions == portion)
            keys.append(own[mark, column])
            owners.append(np.full(len(mark), number))
            places.append(prints[number].marks[mark])
        if keys:
            found.append(_neighbours(np.concatenate(keys), np.concatenate(owners), np.concatenate(places)))
    return np.unique(np.concatenate(found), axis=0)


def _neighbours(key: np.ndarray, owner: np.ndarray, place: np.ndarray) -> np.ndarray:
    order = np.lexsort((place, owner, key))
    key, owner, place = key[order], owner[order], place[order].astype(np.int64)
    again = np.append(False, (key[1:] == key[:-1]) & (owner[1:] == owner[:-1]))
    key, owner, place = key[~again], owner[~again], place[~again]
    found = []
    for step in range(1, NEIGHBOURS + 1):
        here = np.flatnonzero(key[step:] == key[:-step])
        there = here + step
        found.append(np.stack([owner[here], owner[there], place[here] - place[there]], axis=1))
    return np.unique(np.concatenate(found), axis=0)
