"""Tables and other files written whole or not at all.

A table is one Parquet file that carries its kind ("manifest", "plan", "items", "scores") and its
format version, and nothing that differs between two runs: no index, no pandas block, no time stamp.
"""

import contextlib
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["atomic_write", "ensure_writable", "fsync_path", "read_table", "write_table", "write_text"]

_KIND = b"percepkit_kind"
_VERSION = b"percepkit_format_version"


def fsync_path(path: Path) -> None:
    """Wait until a file's contents, or a folder's list of names, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write a file so that its name only ever shows nothing, the old or the complete new contents.

    Parameters
    ----------
    path : path
        The file to write; missing parent folders are made.

    Yields
    ------
    Path
        A temporary name in the same folder with the same suffix; create this file.

    Raises
    ------
    OSError
        Naming ``path`` when it cannot be written (disk full, no permission). Nothing half-written
        is left behind, and an older file of that name stays as it was.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> with atomic_write(Path(folder.name, "a.txt")) as temporary:
    ...     _ = temporary.write_text("whole")
    >>> [file.name for file in Path(folder.name).iterdir()]
    ['a.txt']
    >>> folder.cleanup()
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex}.tmp{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        fsync_path(temporary)
        os.replace(temporary, path)
        fsync_path(path.parent)
    except OSError as error:
        if error.filename in (None, str(temporary)):  # else it is about a file of the caller's own
            raise OSError(error.errno, error.strerror or str(error), str(path)) from error
        raise
    finally:
        with contextlib.suppress(OSError):  # gone after a success; unreachable where the folder is
            temporary.unlink()


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file (UTF-8, line ends as they are in ``text``) atomically, see `atomic_write`."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def ensure_writable(path: str | os.PathLike[str], *, folder: bool = False) -> None:
    """Check before long work that its output can be written; changes nothing on the disk.

    Parameters
    ----------
    path : path
        The output file, or with ``folder`` the output folder; it and its parents may not exist yet.
    folder : bool
        Whether ``path`` is to be a folder.

    Raises
    ------
    ValueError
        When something of the other sort has that name, or the place does not let us create files.
    """
    path = Path(path)
    if path.is_dir() and not folder:
        raise ValueError(f"cannot write {path}: expected a file name, found a folder; name a file inside it")
    if path.exists() and not path.is_dir() and folder:
        raise ValueError(f"cannot write into {path}: expected a folder, found a file; name another folder")
    place = path if folder else path.parent
    while not place.exists() and place != place.parent:
        place = place.parent
    probe = place / f".{uuid.uuid4().hex}.tmp"
    try:
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        reason = error.strerror or str(error)
        raise ValueError(f"cannot write {path}: {reason} in {place}; choose another output") from error


def write_table(
    frame: pd.DataFrame | Iterable[pd.DataFrame],
    path: str | os.PathLike[str],
    *,
    kind: str,
    format_version: int = 1,
    types: Mapping[str, pa.DataType] | None = None,
) -> None:
    """Write a table as Parquet: atomic, and the same rows give the same bytes.

    Parameters
    ----------
    frame : DataFrame, or iterable of DataFrames
        The rows. Its index is not stored. Cells may be lists or dicts of plain values. Frames with the same
        columns are written one after another, so that no more than one of them need be in memory.
    path : path
        The file to write.
    kind : str
        What the table is, e.g. ``"plan"``; asked for again by `read_table`.
    format_version : int
        Version of this kind's columns.
    types : mapping of column to Arrow type, optional
        Of columns that do not tell by their values, such as lists that are all empty.

    Raises
    ------
    ValueError
        When a column's name is used twice or its values have no common type.
    OSError
        When the file cannot be written, naming it.
    """
    frames = [frame] if isinstance(frame, pd.DataFrame) else frame
    metadata = {_KIND: kind.encode(), _VERSION: str(format_version).encode()}
    with atomic_write(path) as temporary, contextlib.ExitStack() as stack:
        writer = None
        for part in frames:
            table = _to_arrow(part, path, types or {}).replace_schema_metadata(metadata)
            if writer is None:
                writer = stack.enter_context(pq.ParquetWriter(temporary, table.schema, compression="zstd"))
            writer.write_table(table)
        stack.close()  # the file is complete before it is given its name


def _to_arrow(frame: pd.DataFrame, path: str | os.PathLike[str], types: Mapping[str, pa.DataType]) -> pa.Table:
    """Convert without the index; one string type, whichever dtype pandas kept the strings in."""
    twice = sorted({str(name) for name in frame.columns[frame.columns.duplicated()]})
    if twice:
        raise ValueError(f"cannot write {path}: columns named twice: {', '.join(twice)}; rename them")
    try:
        known = {name: pa.array(frame[name], type=kind) for name, kind in types.items()}
        table = pa.Table.from_pandas(frame.drop(columns=list(types)), preserve_index=False, nthreads=1)
        columns = {name: known[name] if name in known else table[name] for name in map(str, frame.columns)}
        table = pa.table(columns)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        reason = " ".join(str(part) for part in error.args)
        raise ValueError(f"cannot write {path}: {reason}; give each column values of one type") from error
    fields = [
        field.with_type(pa.string()) if pa.types.is_large_string(field.type) else field for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def read_table(path: str | os.PathLike[str], *, kind: str, format_version: int = 1) -> pd.DataFrame:
    """Read a table that `write_table` wrote.

    Parameters
    ----------
    path : path
        The file.
    kind : str
        The kind of table expected.
    format_version : int
        The version of its columns expected.

    Returns
    -------
    DataFrame
        Lists and dicts come back as such. Whole numbers with gaps come back as pandas ``Int64``,
        because float64 would round a nanosecond time stamp.

    Raises
    ------
    ValueError
        When the file is missing, damaged, or of another kind or version.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name, "plan.parquet")
    >>> write_table(pd.DataFrame({"item": [0, 1], "files": [["a", "b"], []]}), path, kind="plan")
    >>> read_table(path, kind="plan")["files"].tolist()
    [['a', 'b'], []]
    >>> folder.cleanup()
    """
    path = Path(path)
    if not path.is_file():
        found = "a folder" if path.is_dir() else "nothing"
        raise ValueError(f"{path}: expected a {kind} table (Parquet), found {found}; check the path")
    try:
        with pq.ParquetFile(path) as file:
            _check(file.schema_arrow.metadata or {}, path, kind, format_version)
            table = file.read()
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, PermissionError):
            raise
        reason = str(error).splitlines()[0].rstrip(".")
        raise ValueError(
            f"{path}: not a readable Parquet file ({reason}); give a {kind} table, or make it anew"
        ) from error
    return pd.DataFrame({name: _to_pandas(table[name]) for name in table.column_names})


def _check(metadata: dict[bytes, bytes], path: Path, kind: str, format_version: int) -> None:
    found = metadata.get(_KIND, b"").decode()
    if found != kind:
        what = f"a table of kind {found!r}" if found else "a Parquet file that percepkit did not write"
        raise ValueError(f"{path}: expected a table of kind {kind!r}, found {what}; check the path")
    version = int(metadata[_VERSION])
    if version != format_version:
        remedy = "upgrade percepkit" if version > format_version else "make it anew"
        raise ValueError(
            f"{path}: expected format version {format_version} of a {kind} table, found {version}; {remedy}"
        )


def _to_pandas(column: pa.ChunkedArray) -> pd.Series:
    if pa.types.is_nested(column.type):
        return pd.Series(column.to_pylist(), dtype=object)
    if column.null_count and pa.types.is_integer(column.type):
        return column.cast(pa.int64()).to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    return column.to_pandas()
