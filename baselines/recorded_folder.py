"""A denoiser that ran elsewhere: a folder of enhanced files, named by the items of a corpus."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from percepkit.baselines.denoiser import Spec
from percepkit.baselines.made_elsewhere import read_enhanced

__all__ = ["MissingRecording", "RecordedFolder"]

MARK = "{item_id}"


class MissingRecording(ValueError):
    """There is no enhanced file for an item."""


class RecordedFolder:
    """Enhanced files in place of the denoiser that made them; rates are converted.

    Parameters
    ----------
    pattern : str
        Path of the files with ``{item_id}`` in it, e.g. ``"out/{item_id}.wav"``.
    name : str
        Name in tables.

    Raises
    ------
    ValueError
        If the pattern lacks ``{item_id}``, or its folder does not exist.
    """

    def __init__(self, pattern: str, name: str) -> None:
        if MARK not in pattern:
            raise ValueError(f"{name!r} does not say which file is whose; write e.g. folder:out/{MARK}.wav")
        self._pattern = pattern
        self._folder = Path(pattern.partition(MARK)[0] + "x").parent
        if not self._folder.is_dir():
            raise ValueError(f"{name!r}: there is no folder {self._folder}; check the path")
        self.spec = Spec(name=name, summary="Files that were enhanced elsewhere.", needs="item", aligned=False)

    @property
    def fingerprint(self) -> str:
        """Tells other contents of the folder from these."""
        files = sorted(path for path in self._folder.rglob("*") if path.is_file())
        return repr([(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files])

    def of_item(self, item_id: str) -> "_OneFile":
        """Denoiser that returns the file of one item.

        Raises
        ------
        MissingRecording
            If there is none.
        """
        path = Path(self._pattern.replace(MARK, item_id))
        if not path.is_file():
            raise MissingRecording(f"{path} does not exist")
        return _OneFile(self.spec, path)


@dataclass(frozen=True)
class _OneFile:
    spec: Spec
    path: Path

    def __call__(self, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        return read_enhanced(self.path, len(noisy), sample_rate).astype(noisy.dtype, copy=False)

    def latency_samples(self, sample_rate: int) -> int:
        return 0
