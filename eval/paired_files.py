"""References and estimates in folders of files: which belong together, and reading them.

A table of paired files stands where a corpus would: the score table and the report read its items. Columns of
``items``: item, item_id (the reference's path without its suffix), shard (0), status and reason (of the
reference), folder (of the reference, a condition to group by), seconds, sample_rate, reference, made (its size and
time); for each set of estimates ``path:NAME``, ``made:NAME`` and, where there is none, ``problem:NAME``; and the
conditions that nobody knows of files, all empty: snr_db, noise_class, speaker, room and rt60.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from percepkit.audio.files import AudioError, info, read
from percepkit.audio.resampling import resample
from percepkit.baselines.denoiser import Denoiser, Spec
from percepkit.baselines.enhance_files import audio_files
from percepkit.engine.tables import read_table
from percepkit.eval.metrics import Unscorable
from percepkit.synth import corpus as corpora

__all__ = ["KIND", "PairedFiles", "match_files", "open_material", "read_signal"]

KIND = "paired_files"
NOISY = "noisy"
_UNKNOWN = {"snr_db": np.nan, "noise_class": "", "speaker": "", "room": "", "rt60": np.nan}


@dataclass(frozen=True)
class _Heading:
    """What a report asks of a recipe."""

    name: str


@dataclass(frozen=True, eq=False)
class PairedFiles:
    """Paired files in place of a corpus.

    Attributes
    ----------
    items : DataFrame
        See the module.
    recipe : object
        With a ``name``.
    """

    items: pd.DataFrame
    recipe: _Heading

    @property
    def denoisers(self) -> tuple[str, ...]:
        """Names of the sets of estimates, ``noisy`` included where it was given."""
        return tuple(str(name)[5:] for name in self.items if str(name).startswith("path:"))

    @property
    def sample_rate(self) -> int:
        """Highest rate of the references, in Hz; what `stem` returns."""
        return int(self.items["sample_rate"].max())

    def reference(self, item: int) -> tuple[np.ndarray, int]:
        """Reference of an item and its sample rate; raises `Unscorable`."""
        return read_signal(self._row(item)["reference"])

    def estimate(self, item: int, name: str) -> tuple[np.ndarray, int]:
        """One estimate of an item and its sample rate; raises `Unscorable`."""
        row = self._row(item)
        if not row[f"path:{name}"]:
            raise Unscorable("no_estimate", row[f"problem:{name}"])
        return read_signal(row[f"path:{name}"])

    def stem(self, item: int, name: str) -> np.ndarray:
        """Audio of an item at `sample_rate`: ``noisy``, else its reference."""
        x, rate = self.estimate(item, NOISY) if name == NOISY else self.reference(item)
        return resample(x, rate, self.sample_rate)

    def load(self, name: str) -> "RecordedSet":
        """The estimates called ``name``, in place of the denoiser that made them."""
        if name not in self.denoisers:
            raise ValueError(f"no estimates are called {name!r}; there are {', '.join(self.denoisers)}")
        return RecordedSet(self, name)

    def _row(self, item: int) -> Any:
        return self.items.set_index("item").loc[item]


class RecordedSet:
    """A folder of estimates in place of the denoiser that made them."""

    def __init__(self, files: PairedFiles, name: str) -> None:
        self._files, self._name = files, name
        self.spec = Spec(name=name, summary="Files that were enhanced elsewhere.", needs="item", aligned=False)

    def of_item(self, item_id: str) -> Denoiser:
        """Denoiser that returns the estimate of one item."""
        items = self._files.items
        item = int(items.loc[items["item_id"] == item_id, "item"].iloc[0])
        return _Recording(self.spec, *self._files.estimate(item, self._name))


@dataclass(frozen=True, eq=False)
class _Recording:
    spec: Spec
    signal: np.ndarray
    sample_rate: int

    def __call__(self, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        return resample(self.signal, self.sample_rate, sample_rate)

    def latency_samples(self, sample_rate: int) -> int:
        return 0


def open_material(path: str | Path) -> Any:
    """Open what was scored: a corpus' folder, or the table of paired files that stands for one.

    Raises
    ------
    ValueError
        If it is neither.
    """
    path = Path(path)
    if not path.is_file():
        return corpora.open_corpus(path)
    return PairedFiles(read_table(path, kind=KIND), _Heading(path.name.removesuffix(".files.parquet")))


def read_signal(path: str | Path) -> tuple[np.ndarray, int]:
    """Read a file of one channel.

    Returns
    -------
    float32 array, shape (n_samples,), and int
        Signal, and its sample rate in Hz.

    Raises
    ------
    Unscorable
        ``unreadable``, ``nonfinite``, or ``several_channels``.
    """
    try:
        x, rate = read(path)
    except (AudioError, OSError) as error:
        nonfinite = isinstance(error, AudioError) and error.status == "nonfinite"
        raise Unscorable("nonfinite" if nonfinite else "unreadable", str(error)) from error
    if x.shape[1] != 1:
        raise Unscorable("several_channels", f"{path}: {x.shape[1]} channels; score each channel as a file")
    return np.ascontiguousarray(x[:, 0]), rate


def match_files(
    reference: str | Path, estimates: Mapping[str, str | Path]
) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Find the estimates of every reference.

    An estimate belongs to the reference of the same path but for the suffix, or else of the same file name, where
    only one reference and one estimate have it.

    Parameters
    ----------
    reference : path
        Folder of references; folders in it are searched too.
    estimates : mapping of path
        Folders of estimates by name.

    Returns
    -------
    DataFrame
        The items, see the module.
    dict of lists of str
        For each name the estimates that belong to no reference, as paths in their folder.

    Raises
    ------
    ValueError
        If a folder holds no audio, two references differ by their suffix only, or nothing has a partner.
    """
    root = Path(reference)
    references = _by_id(root, audio_files(root))
    twice = [f"{root / key}.*" for key, paths in references.items() if len(paths) > 1]
    if twice:
        raise ValueError(f"{twice[0]}: several references have this name; keep one of them")
    rows = [_row(item, key, references[key][0]) for item, key in enumerate(sorted(references))]
    leftover: dict[str, list[str]] = {}
    for name, folder in estimates.items():
        folder = Path(folder)
        found = _by_id(folder, audio_files(folder))
        partners = _partners(list(references), found, folder)
        for row in rows:
            row[f"path:{name}"], row[f"problem:{name}"] = partners[row["item_id"]]
            row[f"made:{name}"] = _made(row[f"path:{name}"])
        used = {row[f"path:{name}"] for row in rows}
        every = sorted(path for paths in found.values() for path in paths)
        leftover[name] = [path.relative_to(folder).as_posix() for path in every if _absolute(path) not in used]
        if not used - {""}:
            raise ValueError(
                f"{folder}: none of its {len(every)} files has the name of a reference in {root}; "
                "`percepkit manifest pair` pairs by patterns"
            )
    return pd.DataFrame(rows), leftover


def _by_id(folder: Path, paths: Sequence[Path]) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in paths:
        found.setdefault(path.relative_to(folder).with_suffix("").as_posix(), []).append(path)
    return found


def _partners(ids: Sequence[str], found: Mapping[str, list[Path]], folder: Path) -> dict[str, tuple[str, str]]:
    """Path of each reference's estimate, or an empty one and why there is none."""
    by_name: dict[str, list[Path]] = {}
    for key, paths in found.items():
        by_name.setdefault(Path(key).name, []).extend(paths)
    bearers: dict[str, int] = {}
    for key in ids:
        bearers[Path(key).name] = bearers.get(Path(key).name, 0) + 1
    partners = {}
    for key in ids:
        name = Path(key).name
        candidates = found.get(key) or (by_name.get(name, []) if bearers[name] == 1 else [])
        if len(candidates) == 1:
            partners[key] = (_absolute(candidates[0]), "")
        elif candidates:
            partners[key] = ("", f"{len(candidates)} files in {folder} have the name {name}")
        else:
            partners[key] = ("", f"{folder} has no file {key}.*")
    return partners


def _absolute(path: Path) -> str:
    return str(path.resolve())


def _made(path: str) -> str:
    """Size and time of a file: a part of an earlier run counts only for the same contents."""
    status = Path(path).stat() if path else None
    return f"{status.st_size} {status.st_mtime_ns}" if status else ""


def _row(item: int, key: str, path: Path) -> dict[str, Any]:
    row: dict[str, Any] = {"item": item, "item_id": key, "shard": 0, "status": "ok", "reason": ""}
    row |= {"folder": Path(key).parent.as_posix(), "seconds": 0.0, "sample_rate": 0, **_UNKNOWN}
    row |= {"reference": _absolute(path), "made": _made(str(path))}
    try:
        header = info(path)
    except AudioError as error:
        return row | {"status": error.status, "reason": str(error)}
    return row | {"seconds": header.duration_seconds, "sample_rate": header.sample_rate}
