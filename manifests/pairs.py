"""Ready-made pairs: which clean file belongs to which noisy one, and how the two lie against each other."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from percepkit.audio.files import AudioError, read
from percepkit.audio.resampling import resample, resample_from
from percepkit.dsp.alignment import Alignment, coherent_share, estimate_alignment
from percepkit.engine.shards import map_shards
from percepkit.engine.tables import read_table, write_table
from percepkit.manifests.labels import path_regex
from percepkit.manifests.table import resolve

if TYPE_CHECKING:
    from distributed import Client

    from percepkit.engine.cluster import Serial

__all__ = ["COLUMNS", "match_pairs", "measure_pair", "measure_pairs", "read_pairs", "write_pairs"]

#: Of each file, with ``clean_`` and ``noisy_`` before them; as in a manifest.
_OF_FILE = {
    "root_name": pa.string(), "path": pa.string(), "hash": pa.string(), "sample_rate": pa.int64(),
    "frames": pa.int64(), "duration": pa.float64(),
}  # fmt: skip
#: Column name to Arrow type.
COLUMNS: Mapping[str, pa.DataType] = {
    "name": pa.string(),  # what the two paths have in common
    **{f"{side}_{name}": kind for side in ("clean", "noisy") for name, kind in _OF_FILE.items()},
    "speaker": pa.string(), "group": pa.string(), "class": pa.string(), "licence": pa.string(),
    "split": pa.string(),
    "effective_bandwidth": pa.float64(),  # Hz, of the clean file
    "delay_seconds": pa.float64(), "drift_ppm": pa.float64(), "gain": pa.float64(), "confidence": pa.float64(),
    "coherent_share": pa.float64(),  # of the aligned difference, see `percepkit.dsp.alignment.coherent_share`
    "relation": pa.string(),  # additive or rerecorded
    "sdr_db": pa.float64(),  # clean over difference, aligned; of an additive pair its SNR
    "status": pa.string(),  # ok, unmatched, conflict, unaligned, or that of a file that cannot be used
    "reason": pa.string(),
}  # fmt: skip
CONFIDENT = 0.5
ADDITIVE_SHARE = 0.2  # largest coherent share of a difference that counts as added noise,
FAINT_DB = -25.0  # unless what is coherent is this faint beside the speech: an alignment's own error
CHUNK_PAIRS = 8


def match_pairs(clean: pd.DataFrame, noisy: pd.DataFrame, *, by: tuple[str, str] | None = None) -> pd.DataFrame:
    """Find the clean file of every noisy one.

    Parameters
    ----------
    clean, noisy : DataFrame
        Manifests; both may be the same one. A clean file may have several noisy ones.
    by : pair of str, optional
        Patterns of the clean and of the noisy paths, such as ``{name}_clean.*`` and ``{name}_ipad_*``: files
        belong together if the placeholders that are in both patterns are equal. Names are free; ``*`` stays
        within a part of the path, ``**`` is any depth. By default the paths are equal but for their suffixes.

    Returns
    -------
    DataFrame
        `COLUMNS`, not yet measured, sorted by noisy path; a file without a partner is a row of status
        ``unmatched``.

    Raises
    ------
    ValueError
        If the patterns share no placeholder, or two clean files claim one name.
    """
    shared: list[str] = []
    if by is not None:
        shared = [name for name in path_regex(by[0]).groupindex if name in path_regex(by[1]).groupindex]
        if not shared:
            raise ValueError(
                f"--by {by[0]!r} {by[1]!r}: no placeholder is in both patterns; e.g. '{{name}}_clean.*'"
            )
    own_keys = _keys(clean["path"], by and by[0], shared)
    partner: dict[tuple[str, ...], dict[Any, Any]] = {}
    for key, row in zip(own_keys, clean.to_dict("records"), strict=True):
        if key is not None and partner.setdefault(key, row) is not row:
            raise ValueError(
                f"{partner[key]['path']!r} and {row['path']!r} are both the clean file {_text(key)!r}"
            )
    own = {(row["root_name"], row["path"]) for row in partner.values()}
    table, used = [], set()
    keys = _keys(noisy["path"], by and by[1], shared)
    for key, row in zip(keys, noisy.to_dict("records"), strict=True):
        if key is None or (row["root_name"], row["path"]) in own:
            continue
        used.add(key)
        table.append(_row(_text(key), partner.get(key), row))
    table.sort(key=lambda row: (row["noisy_root_name"], row["noisy_path"]))
    table += [_row(_text(key), row, None) for key, row in partner.items() if key not in used]
    return _as_pairs(pd.DataFrame(table))


def _keys(paths: Sequence[str], pattern: str | None, shared: Sequence[str]) -> list[tuple[str, ...] | None]:
    if pattern is None:
        return [(str(PurePosixPath(path).with_suffix("")),) for path in paths]
    matches = map(path_regex(pattern).fullmatch, paths)
    return [match and tuple(match[name] for name in shared) for match in matches]


def _text(key: tuple[str, ...]) -> str:
    return " ".join(key)


def _row(name: str, clean: Mapping[str, Any] | None, noisy: Mapping[str, Any] | None) -> dict[str, Any]:
    row: dict[str, Any] = {"name": name, "status": "ok"}
    for side, file in (("clean", clean), ("noisy", noisy)):
        row |= {f"{side}_{column}": (file or {}).get(column) for column in _OF_FILE}
    if clean is None or noisy is None:
        missing, there = ("clean", noisy) if clean is None else ("noisy", clean)
        return row | {
            "status": "unmatched",
            "reason": f"{(there or {})['path']}: there is no {missing} file to it",
        }
    labels = {name: _both(clean[name], noisy[name]) for name in ("speaker", "split", "licence")}
    group = noisy["group"] if clean["group"] is None else clean["group"]
    row |= {name: values[0] for name, values in labels.items() if values}
    row |= {"group": group, "class": noisy["class"], "effective_bandwidth": clean["effective_bandwidth"]}
    for file in (clean, noisy):
        if file["status"] != "ok":
            return row | {"status": file["status"], "reason": file["reason"]}
    for label in ("speaker", "split"):
        if len(labels[label]) > 1:
            reason = f"{noisy['path']}: {label} {labels[label][1]!r}, but {labels[label][0]!r} of {clean['path']}"
            return row | {"status": "conflict", "reason": reason}
    return row


def _both(first: str | None, second: str | None) -> list[str]:
    return list(dict.fromkeys(value for value in (first, second) if value is not None))


def measure_pairs(
    pairs: pd.DataFrame,
    roots: Mapping[str, Path],
    *,
    client: "Client | Serial",
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Align the files of all pairs whose status is ok, in parallel.

    Parameters
    ----------
    pairs : DataFrame
        Of `match_pairs`.
    roots : mapping of root name to folder
    client
        From `percepkit.engine.cluster.client`.
    progress : callable, optional
        Called with pairs done and pairs in all.

    Returns
    -------
    DataFrame
        The same rows. A pair whose files do not fit each other has the status ``unaligned``.
    """
    todo = pairs.index[pairs["status"] == "ok"]
    files = pairs.loc[todo, ["clean_root_name", "clean_path", "noisy_root_name", "noisy_path"]]
    names = sorted(set(files["clean_root_name"]) | set(files["noisy_root_name"]))
    for name in names:
        if name not in roots or not Path(roots[name]).is_dir():
            raise ValueError(f"the pairs lie under the root {name!r}; say where that is: --root {name}=FOLDER")
    places = {name: Path(roots[name]).absolute() for name in names}
    work = list(files.itertuples(index=False, name=None))
    chunks = [tuple(work[n : n + CHUNK_PAIRS]) for n in range(0, len(work), CHUNK_PAIRS)]
    measured: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for chunk, rows in map_shards(_measure_chunk, chunks, client=client, payload=places):
        measured[chunk] = rows
        if progress is not None:
            progress(sum(map(len, measured.values())), len(work))
    found = pd.DataFrame([row for chunk in chunks for row in measured[chunk]], index=todo)
    table = pairs.copy()
    for name in found.columns:
        table.loc[todo, name] = found[name]
    return _as_pairs(table)


def _measure_chunk(chunk: tuple[tuple[str, str, str, str], ...], roots: dict[str, Path]) -> list[dict[str, Any]]:
    find = partial(resolve, roots)
    return [measure_pair(find(root, path), find(other, noisy)) for root, path, other, noisy in chunk]


def measure_pair(clean: Path, noisy: Path) -> dict[str, Any]:
    """Align the first channels of two files and say what the noisy one holds beside the clean.

    Returns
    -------
    dict
        delay_seconds, drift_ppm, gain, confidence, coherent_share, relation, sdr_db, status and reason. A pair is
        ``additive`` if at most a fifth of the aligned difference is a filtered copy of the clean signal, or if
        that copy is 25 dB below it, else ``rerecorded``: then the difference is no noise.
    """
    try:
        (x, rate_x), (y, rate_y) = read(clean, channel=0), read(noisy, channel=0)
        rate = min(rate_x, rate_y)
        x, y = resample(x, rate_x, rate), resample(y, rate_y, rate)
        found = estimate_alignment(x, y, rate)
    except AudioError as error:
        return {"status": error.status, "reason": str(error)}
    except ValueError as error:
        return {"status": "unaligned", "reason": f"{noisy}: {error}"}
    row = {"delay_seconds": found.delay_seconds, "drift_ppm": found.drift_ppm, "gain": found.gain,
           "confidence": found.confidence}  # fmt: skip
    if found.confidence < CONFIDENT:
        reason = f"{noisy}: does not fit {clean.name} (confidence {found.confidence:.2f}, needed is {CONFIDENT})"
        return row | {"status": "unaligned", "reason": reason}
    return row | _difference(x, y, rate, found) | {"status": "ok", "reason": None}


def _difference(x: np.ndarray, y: np.ndarray, rate: int, found: Alignment) -> dict[str, Any]:
    """What is left of the noisy file when the clean one is taken away, where both are heard."""
    pace = 1 + found.drift_ppm * 1e-6
    first = max(0, int(np.ceil(-found.delay_seconds * rate / pace)))
    end = min(len(x), int((len(y) - found.delay_seconds * rate) / pace))
    place = first * pace + found.delay_seconds * rate
    heard = resample_from(y, place, rate * pace, rate, end - first).astype(np.float64)
    speech = found.gain * x[first:end].astype(np.float64)
    residual = heard - speech
    share = coherent_share(speech, residual, rate)
    energies = [float(np.sum(np.square(signal))) for signal in (speech, residual)]
    additive = share <= ADDITIVE_SHARE or share * energies[1] < energies[0] * 10 ** (FAINT_DB / 10)
    sdr_db = 10 * float(np.log10(energies[0] / energies[1])) if min(energies) > 0 else float("nan")
    return {"coherent_share": share, "relation": "additive" if additive else "rerecorded", "sdr_db": sdr_db}


def _as_pairs(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns in their order and one type each, whatever is missing."""
    frame = frame.reindex(columns=list(COLUMNS)).reset_index(drop=True)
    dtypes = {pa.string(): "object", pa.int64(): "Int64", pa.float64(): "float64"}
    columns = {}
    for name, kind in COLUMNS.items():
        column = frame[name].astype("object").where(frame[name].notna(), None)
        columns[name] = column if kind == pa.string() else pd.to_numeric(column).astype(dtypes[kind])
    return pd.DataFrame(columns, index=frame.index)


def read_pairs(path: str | Path) -> pd.DataFrame:
    """Read a table of pairs; ValueError where it is missing or something else."""
    return _as_pairs(read_table(path, kind="pairs"))


def write_pairs(pairs: pd.DataFrame, path: str | Path) -> None:
    """Write a table of pairs; it appears under its name only when it is complete."""
    text = {name: "string" for name, kind in COLUMNS.items() if kind == pa.string()}
    write_table(_as_pairs(pairs).astype(text), path, kind="pairs")
