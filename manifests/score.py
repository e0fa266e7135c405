"""A column of quality by a user's own function, such as a predictor of the mean opinion score."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from percepkit.engine.child import Child, ChildCrashed, ChildError, ChildTimeout
from percepkit.engine.importing import import_attribute
from percepkit.manifests.measure import read_head
from percepkit.manifests.sweep import map_files

if TYPE_CHECKING:
    from distributed import Client

    from percepkit.engine.cluster import Serial

__all__ = ["score_files"]

_JUDGE = "percepkit.manifests._judge:judge"
_TIMEOUT_SECONDS = 300.0  # for at most 60 s of audio; the first call of a process loads the function's module, too


def score_files(
    frame: pd.DataFrame,
    function: str,
    roots: Mapping[str, Path],
    *,
    client: "Client | Serial",
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Give each usable file the number that a function makes of its audio.

    Parameters
    ----------
    frame : DataFrame
        Rows of manifests.
    function : str
        ``module:function`` of ``(x, sample_rate) -> float``; ``x`` is the first channel of the first 60 s, float32
        of shape (n_samples,), and the rate the file's own. Each worker calls it in a child process.
    roots : mapping of str to Path
        The folder of each root name.
    client : distributed.Client or Serial
    progress : callable, optional
        Called as ``progress(done, total)`` with numbers of files.

    Returns
    -------
    DataFrame
        The rows with their column ``quality``; null where a file could not be read, or where the function raised,
        returned no finite number, ended its process or took longer than 5 minutes. ``attrs["notes"]`` says which
        and why.

    Raises
    ------
    ValueError
        When the function cannot be imported, or a root has no folder.
    """
    if not callable(import_attribute(function)):
        raise ValueError(f"{function!r} is not a function; expected one of (x, sample_rate) that returns a number")
    frame = frame.reset_index(drop=True)
    try:
        scores, notes = map_files(partial(_score, function), frame, roots, client=client, progress=progress)
    finally:
        _child.cache_clear()  # of this process: what the function keeps in memory goes with it
    out = frame.assign(quality=pd.Series(scores, index=frame.index, dtype="float64"))
    out.attrs["notes"] = notes
    return out


def _score(function: str, path: Path) -> float:
    """Call the function; whatever becomes of it is the file's fault, not the run's."""
    x, sample_rate = read_head(path)
    try:
        score: float = _child().call(function=function, x=x, sample_rate=sample_rate)
    except ChildError as error:
        raise ValueError(f"{function} raised {error}") from error
    except (ChildCrashed, ChildTimeout) as error:
        raise ValueError(str(error).replace(_JUDGE, function)) from error
    if not np.isfinite(score):
        raise ValueError(f"{function} returned {score}, expected a finite number")
    return score


@cache
def _child() -> Child:
    return Child(_JUDGE, timeout_seconds=_TIMEOUT_SECONDS)
