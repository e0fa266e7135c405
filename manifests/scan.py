"""Scan a folder of audio: read every file once, in parallel, and write down what it is."""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from percepkit.engine.shards import map_shards
from percepkit.manifests.labels import LABELS, labels_of
from percepkit.manifests.measure import measure
from percepkit.manifests.table import COLUMNS, as_manifest

if TYPE_CHECKING:
    from distributed import Client

    from percepkit.engine.cluster import Serial

__all__ = ["KINDS", "scan"]

KINDS = ("speech", "noise", "rir", "music")

CHUNK_FILES = 32
CHUNK_BYTES = 32_000_000
RETRIED = ("missing", "unreadable")  # may have been repaired without a new time stamp, and fail fast

# fmt: off
NOT_AUDIO = frozenset([
    ".txt", ".md", ".rst", ".csv", ".tsv", ".json", ".jsonl", ".yaml", ".yml", ".toml", ".ini", ".cfg",
    ".xml", ".html", ".htm", ".log", ".pdf", ".doc", ".docx", ".parquet", ".npy", ".npz", ".h5", ".hdf5",
    ".pkl", ".pt", ".onnx", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".bmp", ".py", ".pyc",
    ".ipynb", ".sh", ".m", ".c", ".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".lab", ".textgrid",
    ".trn", ".trans", ".srt", ".vtt", ".css", ".js", ".bib", ".tex", ".sha256", ".md5",
])
# fmt: on
NOT_AUDIO_NAMES = frozenset({"license", "licence", "copying", "readme", "authors", "changelog", "makefile"})


# Of folders it is worth a note: somebody may have meant them to be files.
AUDIO_SUFFIXES = frozenset([".aif", ".aiff", ".au", ".flac", ".m4a", ".mp3", ".ogg", ".opus", ".sph", ".wav"])
NO_FILES = {
    stat.S_IFBLK: "a device", stat.S_IFCHR: "a device", stat.S_IFDIR: "a link to a folder",
    stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket",
}  # fmt: skip


class _File(NamedTuple):
    path: str
    size: int
    mtime_ns: int
    status: str | None = None  # known to be bad without reading it
    reason: str | None = None


def _walk(folder: Path, notes: list[str]) -> Iterator[str]:
    """Names that may be audio; links to folders are not followed, hidden names are skipped."""

    def passed_over(error: OSError) -> None:
        notes.append(f"cannot look into {error.filename}: {error.strerror}")

    for parent, folders, names in os.walk(folder, onerror=passed_over):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in folders:
            if os.path.splitext(name)[1].lower() not in AUDIO_SUFFIXES:
                continue
            place = os.path.join(parent, name)
            if os.path.islink(place):
                yield place
            else:
                path = _shown(os.path.relpath(place, folder))
                notes.append(f"{path}: a folder named like a file; the files in it are listed")
        for name in sorted(names):
            suffix = os.path.splitext(name)[1].lower()
            if not name.startswith(".") and suffix not in NOT_AUDIO and name.lower() not in NOT_AUDIO_NAMES:
                yield os.path.join(parent, name)


def _shown(path: str) -> str:
    """Name of a file or folder as text, also where it is not UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _examine(folder: Path, name: str) -> _File:
    """Size and time of one file, without opening it: a FIFO would block."""
    path = PurePosixPath(Path(name).relative_to(folder)).as_posix()
    try:
        path.encode()
    except UnicodeEncodeError:
        shown = _shown(path)
        return _File(shown, 0, 0, "unreadable", f"{shown}: the name is not UTF-8; rename it")
    try:
        found = os.stat(name)
    except OSError as error:
        return _File(path, 0, 0, "missing", f"{path}: {error.strerror}")
    if not stat.S_ISREG(found.st_mode):
        what = NO_FILES.get(stat.S_IFMT(found.st_mode), "something special")
        reason = f"{path}: {what}, not a file, and was not opened; put a file in its place or remove it"
        return _File(path, 0, found.st_mtime_ns, "unreadable", reason)
    if os.path.islink(name) and not Path(name).resolve().is_relative_to(folder):
        reason = f"{path}: a link that leads outside the folder; copy the file into it"
        return _File(path, found.st_size, found.st_mtime_ns, "unreadable", reason)
    return _File(path, found.st_size, found.st_mtime_ns)


def _chunks(files: Sequence[_File]) -> Iterator[tuple[str, ...]]:
    """Paths in portions that take a worker a second or so."""
    chunk: list[str] = []
    size = 0
    for file in files:
        chunk.append(file.path)
        size += file.size
        if len(chunk) == CHUNK_FILES or size >= CHUNK_BYTES:
            yield tuple(chunk)
            chunk, size = [], 0
    if chunk:
        yield tuple(chunk)


def _measure_chunk(paths: tuple[str, ...], payload: tuple[str, str]) -> list[dict[str, Any]]:
    folder, kind = payload
    return [measure(folder, path, kind) for path in paths]


def _reusable(files: Sequence[_File], previous: pd.DataFrame | None, kind: str) -> dict[str, dict[str, Any]]:
    """Rows of an older manifest whose file has the same size and time."""
    if previous is None:
        return {}
    kept = previous[(previous["kind"] == kind) & ~previous["status"].isin(RETRIED)]
    if kind != "rir":  # manifests of older versions lack what is measured now
        new = "active_end" if kind == "speech" else "dc_offset"
        kept = kept[(kept["status"] != "ok") | kept[new].notna()]
    rows = {row["path"]: row for row in kept.to_dict("records")}
    return {
        file.path: rows[file.path]
        for file in files
        if file.path in rows
        and (rows[file.path]["size"], rows[file.path]["mtime_ns"]) == (file.size, file.mtime_ns)
    }


def scan(
    folder: str | os.PathLike[str],
    *,
    kind: str,
    root_name: str,
    client: "Client | Serial",
    pattern: str | None = None,
    metadata: str | os.PathLike[str] | None = None,
    previous: pd.DataFrame | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Measure every audio file below a folder.

    Every file is decoded once, in blocks. Level, bandwidth, activity, clipping and DC are those of the first
    channel's first 60 s. What cannot be read becomes a row with a status and a reason, and so do devices, sockets
    and FIFOs, which are never opened. Links to folders are not followed; hidden files and well-known other types
    (.txt, .csv, .png, ...) are skipped, all else is tried.

    Parameters
    ----------
    folder : path
        The folder; every worker must see it under this path.
    kind : str
        ``speech``, ``noise``, ``rir`` or ``music``.
    root_name : str
        The name under which the folder is found later, see `percepkit.manifests.table.resolve`.
    client : distributed.Client or Serial
        From `percepkit.engine.cluster.client`.
    pattern, metadata : optional
        Where speakers and classes come from, see `percepkit.manifests.labels.labels_of`.
    previous : DataFrame, optional
        An older manifest of the folder: files with equal size and time are not read again, and keep their quality
        and what they are copies of.
    progress : callable, optional
        Called as ``progress(done, total)`` with numbers of files.

    Returns
    -------
    DataFrame
        A manifest sorted by path; ``attrs["notes"]`` lists folders that could not be opened or are named like a
        file (``a.wav/``), and what the pattern or the CSV did not match.

    Raises
    ------
    ValueError
        When there is no such folder or no file in it, and as `labels_of`.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}; use {', '.join(KINDS)}")
    root = Path(folder)
    if not root.is_dir():
        raise ValueError(f"{root}: no such folder; give the folder that holds the audio files")
    root = root.resolve()
    notes: list[str] = []
    files = [_examine(root, name) for name in _walk(root, notes)]
    if not files:
        raise ValueError("; ".join([f"{folder}: no audio files in this folder or below it", *notes]))
    labels, more_notes = labels_of([file.path for file in files], pattern=pattern, metadata=metadata)
    rows = _reusable(files, previous, kind)
    rows |= {file.path: file._asdict() for file in files if file.status is not None}
    fresh = [file for file in files if file.path not in rows]
    _measure_all(fresh, rows, (str(root), kind), client, progress)
    frame = _assembled(files, labels, rows, kind, root_name)
    changed = frame["duplicate_of"].isin([f"{root_name}/{file.path}" for file in fresh])
    frame["duplicate_of"] = frame["duplicate_of"].where(~changed, None)  # of what that file held before
    frame.attrs["notes"] = notes + more_notes
    return frame


def _measure_all(
    files: Sequence[_File],
    rows: dict[str, dict[str, Any]],
    payload: tuple[str, str],
    client: "Client | Serial",
    progress: Callable[[int, int], None] | None,
) -> None:
    """Fill ``rows`` with the measures of ``files``."""
    done = len(rows)
    total = done + len(files)
    if progress is not None:
        progress(done, total)
    for _, measured in map_shards(_measure_chunk, _chunks(files), client=client, payload=payload):
        rows.update((row["path"], row) for row in measured)
        done += len(measured)
        if progress is not None:
            progress(done, total)


def _assembled(
    files: Sequence[_File],
    labels: Sequence[dict[str, str]],
    rows: dict[str, dict[str, Any]],
    kind: str,
    root_name: str,
) -> pd.DataFrame:
    """One table out of what was measured and what the names and the CSV say (never an older run's labels)."""
    table = []
    for file, own in zip(files, labels, strict=True):
        fixed = {"kind": kind, "root_name": root_name, "size": file.size, "mtime_ns": file.mtime_ns}
        table.append(rows[file.path] | dict.fromkeys(LABELS) | own | fixed)
    frame = pd.DataFrame(table, columns=list(COLUMNS)).sort_values("path", ignore_index=True)
    return as_manifest(frame)
