"""What the stages of a plan share: counted draws, and segments of files laid out in an item."""

import numpy as np
import pandas as pd
import pyarrow as pa

from percepkit.dsp.draws import key_of, uniform, words
from percepkit.synth.recipe import Recipe

__all__ = ["SEGMENTS", "Draws", "Segments", "pick"]

#: Type of a column of segments.
SEGMENTS = pa.list_(
    pa.struct({
        "root_name": pa.string(), "path": pa.string(), "channel": pa.int64(), "start": pa.int64(),
        "frames": pa.int64(), "at": pa.int64(), "length": pa.int64(), "speed": pa.float64(),
        "bandwidth_hz": pa.float64(),
    })
)  # fmt: skip


class Draws:
    """Uniform draws of one range of items, keyed by stage."""

    def __init__(self, recipe: Recipe, first: int, count: int) -> None:
        self.recipe, self.first, self.count = recipe, first, count

    def __call__(self, stage: str) -> np.ndarray:
        """Draws in (0, 1), shape (4, items)."""
        return uniform(words(self.key(stage), self.first, self.count)).T

    def key(self, stage: str) -> int:
        """Key of a stage, the same for all items."""
        return key_of(self.recipe.seed, self.recipe.split, stage)

    def item_keys(self, stage: str) -> list[str]:
        """A key for each item, from which a stage unfolds what it needs while rendering; 32 hex digits."""
        key = self.key(stage)
        return [f"{key_of(key, item):032x}" for item in range(self.first, self.first + self.count)]


def pick(u: np.ndarray, n: np.ndarray | int) -> np.ndarray:
    """Whole numbers 0 to n - 1 from uniform draws."""
    return np.minimum((u * n).astype(np.int64), np.asarray(n) - 1)


class Segments:
    """Segments of all items in the order they are drawn: columns over items, file -1 where an item has none."""

    def __init__(self, table: pd.DataFrame, count: int) -> None:
        self._table, self._count = table, count
        self.file: list[np.ndarray] = []
        self._columns: list[dict[str, np.ndarray]] = []

    def add(self, file: np.ndarray, **columns: np.ndarray) -> None:
        """Add one segment to every item that has a file."""
        self.file.append(file)
        self._columns.append(columns)

    def lists(self) -> list[list[dict[str, object]]]:
        """The segments of each item, with the place of their files."""
        lists: list[list[dict[str, object]]] = [[] for _ in range(self._count)]
        root, path = self._table["root_name"].to_numpy(object), self._table["path"].to_numpy(object)
        for file, columns in zip(self.file, self._columns, strict=True):
            items = np.flatnonzero(file >= 0)
            values = [columns[name][items].tolist() for name in columns]
            for item, f, *numbers in zip(items.tolist(), file[items].tolist(), *values, strict=True):
                segment = dict(zip(columns, numbers, strict=True))
                lists[item].append({"root_name": root[f], "path": path[f], **segment})
        return lists
