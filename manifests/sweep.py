"""Running a function over the audio files that manifests list."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from percepkit.audio.files import AudioError
from percepkit.engine.shards import map_shards
from percepkit.manifests.table import resolve

if TYPE_CHECKING:
    from distributed import Client

    from percepkit.engine.cluster import Serial

__all__ = ["FileFunction", "map_files"]

FILES_PER_SHARD = 32

#: Of a file's place; raises AudioError, OSError or ValueError where the file is at fault.
FileFunction = Callable[[Path], Any]


def map_files(
    function: FileFunction,
    frame: pd.DataFrame,
    roots: Mapping[str, Path],
    *,
    client: "Client | Serial",
    progress: Callable[[int, int], None] | None = None,
) -> tuple[dict[int, Any], list[str]]:
    """Call a function for every usable file.

    Parameters
    ----------
    function : callable
        Of the file's place; it must be picklable.
    frame : DataFrame
        Rows of manifests, with distinct index values.
    roots : mapping of str to Path
        The folder of each root name; every worker must see it under this path.
    client : distributed.Client or Serial
    progress : callable, optional
        Called as ``progress(done, total)`` with numbers of files.

    Returns
    -------
    results : dict
        By index value; a file that could not be worked on is left out.
    notes : list of str
        Why, for each of these files, in the order of the rows.

    Raises
    ------
    ValueError
        When a root has no folder, before any work.
    """
    rows = frame[frame["status"] == "ok"]
    for name in sorted(set(rows["root_name"]) - set(roots)):
        raise ValueError(f"no folder given for root {name!r}; add --root {name}=FOLDER")
    results, reasons = {}, {}
    work = partial(_shard, function, {name: str(folder) for name, folder in roots.items()})
    done = 0
    for _, answers in map_shards(work, _shards(rows), client=client):
        done += len(answers)
        for row, (result, reason) in answers.items():
            if reason is None:
                results[row] = result
            else:
                reasons[row] = reason
        if progress is not None:
            progress(done, len(rows))
    return results, [reasons[row] for row in rows.index if row in reasons]


def _shards(rows: pd.DataFrame) -> Iterator[list[tuple[int, str, str]]]:
    files = list(zip(rows.index.tolist(), rows["root_name"], rows["path"], strict=True))
    for first in range(0, len(files), FILES_PER_SHARD):
        yield files[first : first + FILES_PER_SHARD]


def _shard(
    function: FileFunction, roots: Mapping[str, str], files: list[tuple[int, str, str]]
) -> dict[int, tuple[Any, str | None]]:
    """Result or reason of each file."""
    places = {name: Path(folder) for name, folder in roots.items()}
    answers: dict[int, tuple[Any, str | None]] = {}
    for row, root_name, path in files:
        try:
            answers[row] = function(resolve(places, root_name, path)), None
        except AudioError as error:
            answers[row] = None, f"{path}: {error.reason}"
        except OSError as error:
            answers[row] = None, f"{path}: {error.strerror or error}"
        except ValueError as error:
            answers[row] = None, f"{path}: {error}"
    return answers
