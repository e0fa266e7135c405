"""A column of quality by a user's own function, such as a predictor of the mean opinion score."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from percepkit.engine.importing import import_attribute
from percepkit.manifests.measure import read_head
from percepkit.manifests.sweep import map_files

if TYPE_CHECKING:
    from distributed import Client

    from percepkit.engine.cluster import Serial

__all__ = ["score_files"]


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
        of shape (n_samples,), and the rate the file's own. Each worker imports it.
    roots : mapping of str to Path
        The folder of each root name.
    client : distributed.Client or Serial
    progress : callable, optional
        Called as ``progress(done, total)`` with numbers of files.

    Returns
    -------
    DataFrame
        The rows with their column ``quality``; null where a file could not be read, or where the function raised
        or returned no finite number. ``attrs["notes"]`` says which and why.

    Raises
    ------
    ValueError
        When the function cannot be imported, or a root has no folder.
    """
    if not callable(import_attribute(function)):
        raise ValueError(f"{function!r} is not a function; expected one of (x, sample_rate) that returns a number")
    frame = frame.reset_index(drop=True)
    scores, notes = map_files(partial(_score, function), frame, roots, client=client, progress=progress)
    out = frame.assign(quality=pd.Series(scores, index=frame.index, dtype="float64"))
    out.attrs["notes"] = notes
    return out


def _score(function: str, path: Path) -> float:
    """Call the function; whatever it raises is the file's fault, not the run's."""
    x, sample_rate = read_head(path)
    call = import_attribute(function)
    try:
        score = float(call(x, sample_rate))  # type: ignore[operator]
    except Exception as error:
        raise ValueError(f"{function} raised {type(error).__name__}: {error}") from error
    if not np.isfinite(score):
        raise ValueError(f"{function} returned {score}, expected a finite number")
    return score
