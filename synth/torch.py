"""Datasets for training: a recipe rendered item by item as it is asked for, and a rendered corpus.

Both are map-style datasets that ``torch.utils.data.DataLoader`` takes as they are, with any number of workers;
PyTorch itself is not needed to import them. Items are dictionaries of NumPy arrays, which its default collation
turns into tensors.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from percepkit.synth.corpus import open_corpus
from percepkit.synth.plan import draw_plan, plan_rows
from percepkit.synth.recipe import Recipe, load_recipe
from percepkit.synth.render import Renderer
from percepkit.synth.sources import load_sources
from percepkit.synth.targets import TARGETS

__all__ = ["CorpusDataset", "SynthDataset"]

CHUNK_ITEMS = 500  # drawn together: drawing one costs nearly as much
KEPT_CHUNKS = 64


class SynthDataset:
    """Items of a recipe, rendered when they are asked for; no two epochs share a draw.

    Index i of epoch e is item e N + i of the recipe, N its number of items. Epoch 0 is what `percepkit synth run`
    would render, sample for sample.

    Parameters
    ----------
    recipe : path
        Recipe file; its manifests lie relative to it.
    roots : mapping of root name to folder
    stems : sequence of str
        Of `percepkit.synth.recipe.Recipe.stems`.
    targets : sequence of str
        Of `percepkit.synth.targets.TARGETS`; each comes with its validity as ``NAME_valid``.

    Raises
    ------
    ValueError
        For an unknown stem or target, and as `percepkit.synth.sources.load_sources`. An item whose source cannot
        be read raises `percepkit.audio.files.AudioError`, which names the file.
    """

    def __init__(
        self,
        recipe: str | Path,
        roots: Mapping[str, str | Path],
        *,
        stems: Sequence[str] = ("noisy", "clean"),
        targets: Sequence[str] = (),
    ) -> None:
        path = Path(recipe)
        _check("target", targets, tuple(TARGETS))
        loaded = load_recipe(path)
        # Damage of recordings is looked for only where there are targets.
        self.recipe = Recipe.model_validate(loaded.model_dump() | {"targets": tuple(targets)})
        _check("stem", stems, (*self.recipe.stems, "speech"))
        self.epoch = 0
        self._sources = load_sources(self.recipe, path.parent)
        self._roots = {name: Path(root) for name, root in roots.items()}
        self._stems, self._targets = tuple(stems), tuple(targets)
        self._renderer: Renderer | None = None
        self._chunks: OrderedDict[int, list[dict[Any, Any]]] = OrderedDict()

    def __len__(self) -> int:
        return self.recipe.items

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, from 0; call it before the loader starts its workers for that epoch."""
        if epoch < 0:
            raise ValueError(f"epochs count from 0, found {epoch}")
        self.epoch = epoch

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Render one item: its number, stems as float32 arrays of shape (n_samples,), and targets.

        Stems are as they are written: ``noisy`` is shorter where the recipe has an ``input_rate``.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"index {index} of {len(self)} items")
        number = self.epoch * len(self) + index
        if self._renderer is None:  # each worker process makes its own
            self._renderer = Renderer(self.recipe, self._roots)
        item = self._renderer(self._row(number))
        out: dict[str, Any] = {"item": number}
        out |= {name: _as_written(item.stem(name)) for name in self._stems}
        for name in self._targets:
            out[name], out[f"{name}_valid"] = TARGETS[name](item)
        return out

    def _row(self, number: int) -> dict[Any, Any]:
        chunk = number // CHUNK_ITEMS
        if chunk not in self._chunks:
            plan = draw_plan(self.recipe, self._sources, first=chunk * CHUNK_ITEMS, count=CHUNK_ITEMS)
            self._chunks[chunk] = list(plan_rows(plan))
            while len(self._chunks) > KEPT_CHUNKS:
                self._chunks.popitem(last=False)
        return self._chunks[chunk][number % CHUNK_ITEMS]

    def __getstate__(self) -> dict[str, Any]:
        # What worker processes are sent: they draw and render for themselves.
        return self.__dict__ | {"_renderer": None, "_chunks": OrderedDict()}


class CorpusDataset:
    """Items of a rendered corpus, whether its shards are folders or tars; quarantined items are left out.

    Parameters
    ----------
    folder : path
        A corpus of `percepkit synth run`.
    stems, targets : sequence of str
        As of `SynthDataset`, of those that the corpus holds.
    """

    def __init__(
        self, folder: str | Path, *, stems: Sequence[str] = ("noisy", "clean"), targets: Sequence[str] = ()
    ) -> None:
        self.corpus = open_corpus(folder)
        _check("stem", stems, (*self.corpus.recipe.stems, "speech"))
        _check("target", targets, self.corpus.recipe.targets)
        table = self.corpus.items
        self.items = [] if table.empty else table.loc[table["status"] == "ok", "item"].tolist()
        self._stems, self._targets = tuple(stems), tuple(targets)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Read one item: its number, stems and targets."""
        number = int(self.items[index])
        out: dict[str, Any] = {"item": number}
        out |= {name: self.corpus.stem(number, name, as_written=True) for name in self._stems}
        for name in self._targets:
            values, valid = self.corpus.target(number, name)
            out[name], out[f"{name}_valid"] = np.array(values), np.array(valid)
        return out


def _as_written(x: np.ndarray) -> np.ndarray:
    """Round to 16 bits as the files of a corpus are."""
    steps = np.clip(np.rint(x * np.float32(32768)), -32768, 32767)
    rounded: np.ndarray = steps / np.float32(32768)
    return rounded


def _check(what: str, names: Sequence[str], known: Sequence[str]) -> None:
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ValueError(f"unknown {what} {', '.join(unknown)}; known: {', '.join(dict.fromkeys(known))}")
