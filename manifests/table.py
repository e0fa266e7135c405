"""The manifest: one row for each audio file, paths relative to a named root folder."""

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import pandas as pd

from percepkit.audio.files import AudioError
from percepkit.engine.tables import read_table, write_table

__all__ = [
    "COLUMNS", "as_manifest", "contents", "file_ids", "read_manifest", "resolve", "usable", "write_manifest",
]  # fmt: skip

#: Column name to dtype in memory: text is ``object`` with None for null, floats have NaN, ``Int64`` has NA.
COLUMNS: Mapping[str, str] = {
    "kind": "object",  # speech, noise, rir or music
    "root_name": "object",  # which folder `path` is relative to; told at run time, never stored
    "path": "object",  # posix
    "duration": "float64",  # s
    "sample_rate": "Int64",  # Hz
    "channels": "Int64",
    "frames": "Int64",
    "speaker": "object",  # null: unknown, which is not a speaker of its own
    "group": "object",  # session, room or recording
    "class": "object",
    "licence": "object",
    "split": "object",
    "effective_bandwidth": "float64",  # Hz
    "active_level": "float64",  # dBFS, ITU-T P.56; speech only
    "active_start": "float64",  # s, where sound begins; this and the next for speech only
    "active_end": "float64",  # s, where it ends
    "activity_share": "float64",  # of the time, ITU-T P.56; this and the next two for all but rooms
    "clipped_share": "float64",  # of the samples
    "dc_offset": "float64",  # magnitude of the mean, full scale is 1
    "quality": "float64",  # by a user's function, see `percepkit.manifests.score`
    "rms_level": "float64",  # dBFS, all channels
    "peak": "float64",  # absolute, full scale is 1
    "rt60": "float64",  # s; this and the next two for room impulse responses only
    "drr": "float64",  # dB
    "c50": "float64",  # dB
    "hash": "object",  # blake2b, 16 bytes, of the decoded float32 samples
    "duplicate_of": "object",  # root name and path of the best copy, see `percepkit.manifests.duplicates`
    "size": "Int64",  # bytes
    "mtime_ns": "Int64",
    "status": "object",  # ok, or what `percepkit.audio.files.AudioError` says
    "reason": "object",  # a sentence; null where the status is ok
}


def as_manifest(frame: pd.DataFrame) -> pd.DataFrame:
    """Bring a table's columns into the manifest's order and dtypes; columns it lacks are null.

    Examples
    --------
    >>> as_manifest(pd.DataFrame({"path": ["a.wav"]})).loc[0, "speaker"] is None
    True
    """
    frame = frame.reindex(columns=list(COLUMNS))
    columns = {
        name: column.astype("object").where(column.notna(), None) if dtype == "object" else column.astype(dtype)
        for (name, dtype), (_, column) in zip(COLUMNS.items(), frame.items(), strict=True)
    }
    return pd.DataFrame(columns, index=frame.index)


def read_manifest(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a manifest.

    Returns
    -------
    DataFrame
        `COLUMNS`, one row a file, bad files included; see `usable`.

    Raises
    ------
    ValueError
        When the file is missing or is not a manifest.
    """
    return as_manifest(read_table(path, kind="manifest"))


def write_manifest(frame: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a manifest; it appears under its name only when it is complete.

    Raises
    ------
    ValueError
        When a column is missing or unknown.
    """
    wrong = sorted(set(COLUMNS) ^ set(frame.columns))
    if wrong:
        raise ValueError(
            f"cannot write {path}: a manifest has the columns {', '.join(COLUMNS)}; "
            f"missing or unknown here: {', '.join(map(str, wrong))}"
        )
    frame = as_manifest(frame)
    # A column of nothing but nulls must still be stored as text.
    text = {name: "string" for name, dtype in COLUMNS.items() if dtype == "object"}
    write_table(frame.astype(text), path, kind="manifest")


def resolve(roots: Mapping[str, Path], root_name: str, path: str) -> Path:
    """Where a manifest's file is on this computer, confined to its root folder.

    Parameters
    ----------
    roots : mapping of str to Path
        The folder of each root name.
    root_name, path : str
        As the manifest has them.

    Returns
    -------
    Path
        The real file, links followed; it need not exist.

    Raises
    ------
    ValueError
        When the root name is unknown.
    AudioError
        When the path is absolute, holds ``..`` or leaves the root by a link.

    Examples
    --------
    >>> resolve({"voices": Path("/data")}, "voices", "../secret.wav")
    Traceback (most recent call last):
    percepkit.audio.decoding.AudioError: ../secret.wav: a manifest's path must be relative and stay inside its root
    """
    if root_name not in roots:
        known = ", ".join(sorted(roots)) or "none"
        raise ValueError(f"no folder given for root {root_name!r} of {path!r}; folders are given for: {known}")
    relative = PurePosixPath(path)
    if not relative.parts or relative.is_absolute() or ".." in relative.parts or "\0" in path:
        raise AudioError("unreadable", path, "a manifest's path must be relative and stay inside its root")
    root = Path(roots[root_name]).resolve()
    found = Path(os.path.realpath(root / relative))  # unlike Path.resolve, a circle of links is no error yet
    if not found.is_relative_to(root):
        raise AudioError("unreadable", path, f"a link leads outside the root folder {root}; copy the file into it")
    return found


def usable(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of the files that can be used, numbered from 0.

    Examples
    --------
    >>> len(usable(pd.DataFrame({"status": ["ok", "silent", "ok"]})))
    2
    """
    return frame[frame["status"] == "ok"].reset_index(drop=True)


def file_ids(frame: pd.DataFrame) -> pd.Series:
    """Root name and path of each file, by which ``duplicate_of`` names it."""
    return (frame["root_name"] + "/" + frame["path"]).astype(object)


def contents(frame: pd.DataFrame) -> pd.Series:
    """Name of what each file holds, the same for all copies; null for files without one.

    Examples
    --------
    >>> files = {"root_name": "v", "path": ["a", "b", "c"], "duplicate_of": [None, "v/a", None]}
    >>> contents(pd.DataFrame(files)).tolist()
    ['v/a', 'v/a', None]
    """
    ids, original = file_ids(frame), frame["duplicate_of"].astype(object)
    content = original.where(original.notna(), ids.where(ids.isin(original.dropna()), None))
    return content.where(content.notna(), None)
