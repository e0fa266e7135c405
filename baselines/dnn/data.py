"""Items as a network is trained on them: rows of features and targets, without PyTorch.

From a rendered corpus they are computed once and kept as arrays that are mapped into memory, in half precision and
with the audio in 16 bits; from a recipe they are computed as they are asked for. Either way an item is a few
tables, whose rows are frames; those of the signals ("noisy", "clean") are hops, one more than there are frames:
frame l is hops l and l + 1.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from percepkit.baselines.dnn.config import Part
from percepkit.baselines.dnn.features import Features, compute
from percepkit.baselines.dnn.features import make as make_features
from percepkit.baselines.dnn.objectives import Objective
from percepkit.baselines.dnn.objectives import make as make_objective
from percepkit.dsp.stft import hop_length, n_frames
from percepkit.engine.shards import commit_folder, map_shards, sweep_attempts
from percepkit.synth.recipe import Recipe
from percepkit.synth.torch import CorpusDataset, SynthDataset
from percepkit.synth.yaml_model import yaml_text

if TYPE_CHECKING:
    from distributed import Client

    from percepkit.engine.cluster import Serial

__all__ = ["CachedItems", "Items", "Preparation", "RecipeItems", "cache_corpus", "open_recipe", "stored_tables"]

PART_ITEMS = 50  # computed and committed together
INDEX = "index.json"
HOPS = ("noisy", "clean")  # tables with a row more than there are frames
FORMAT_VERSION = 1

Tables = dict[str, np.ndarray]


class Items(Protocol):
    """Where a trainer takes pieces of items from."""

    @property
    def seconds(self) -> float:
        """Audio of all items."""

    def __len__(self) -> int:
        """Number of items."""

    def piece(self, index: int, *, epoch: int, place: float, frames: int) -> dict[str, Any]:
        """Some frames of an item.

        Parameters
        ----------
        index, epoch : int
        place : float in [0, 1)
            Where the piece lies among all places it may lie at.
        frames : int
            Its length; where the item is shorter, zeros follow that are not valid.

        Returns
        -------
        dict
            Tables; ``frames``, how many are the item's own; ``prepared_seconds``, what it took.
        """


@dataclass(frozen=True, eq=False)
class Preparation:
    """From the stems of an item to its tables.

    Parameters
    ----------
    sample_rate : int
        In Hz.
    features : Part
    objective : str
    signals : bool
        Keep noisy and clean audio: for losses that listen, and objectives that are judged by what they make.
    combed : bool
        Keep the comb-filtered spectra: for hearing what an objective with a comb makes.
    stored : bool
        Take targets from the item's tables, which know what was wrong with its recordings.
    """

    sample_rate: int
    features: Part
    objective: str
    signals: bool
    combed: bool
    stored: bool

    def __call__(self, item: Mapping[str, Any]) -> Tables:
        """Compute the tables of an item of `percepkit.synth.torch`."""
        noisy, clean = item["noisy"], item["clean"]
        frames = compute(self._features, noisy)
        make = self._objective
        values, valid = make.stored_targets(item) if self.stored else make.targets(clean, noisy)
        tables = {
            "features": frames.features.astype(np.float16),
            "targets": values.astype(np.float16),
            "valid": np.packbits(valid, axis=1),
        }
        if self.signals:
            tables |= {"noisy": _hops(noisy, self.hop), "clean": _hops(clean, self.hop)}
        if self.combed:
            tables["combed"] = np.hstack([frames.combed.real, frames.combed.imag]).astype(np.float16)
        return tables

    @property
    def hop(self) -> int:
        """Samples between frames."""
        return hop_length(self.sample_rate)

    @cached_property
    def n_targets(self) -> int:
        """Columns of the targets; an objective may compare more than its heads give."""
        silence = np.zeros(4 * self.hop)
        return self._objective.targets(silence, silence)[0].shape[1]

    @cached_property
    def _features(self) -> Features:
        return make_features(self.features.name, self.sample_rate, **self.features.options)

    @cached_property
    def _objective(self) -> Objective:
        return make_objective(self.objective, self.sample_rate)


def _hops(x: np.ndarray, hop: int) -> np.ndarray:
    rows = np.zeros((n_frames(len(x), hop) + 1, hop), np.int16)
    rows.reshape(-1)[hop : hop + len(x)] = np.clip(np.rint(x * 32768.0), -32768, 32767)
    return rows


def stored_tables(recipe: Recipe, objective: Objective, sample_rate: int) -> bool:
    """Whether a recipe's targets serve an objective; if not, targets are computed from the stems alone.

    Raises
    ------
    ValueError
        If its audio or its frames and bands are not those of the network.
    """
    if recipe.sample_rate != sample_rate or recipe.input_rate is not None:
        found = f"{recipe.sample_rate} Hz" + (f", noisy at {recipe.input_rate} Hz" if recipe.input_rate else "")
        raise ValueError(f"{recipe.name}: expected audio at {sample_rate} Hz, found {found}; render it anew")
    if not set(objective.stored) <= set(recipe.targets):
        return False
    analysis = recipe.analysis
    if analysis.hop(sample_rate) != hop_length(sample_rate) or analysis.bands != "rnnoise":
        raise ValueError(
            f"{recipe.name}: networks have frames of 20 ms and the bands `rnnoise`, its targets have frames of "
            f"{1000 * analysis.frame_seconds:g} ms and the bands `{analysis.bands}`; leave both out of `analysis`"
        )
    return True


class RecipeItems:
    """Items of a recipe, rendered as they are asked for.

    Parameters
    ----------
    dataset : SynthDataset
    prepare : Preparation
    """

    def __init__(self, dataset: SynthDataset, prepare: Preparation) -> None:
        self._dataset, self._prepare = dataset, prepare

    @property
    def seconds(self) -> float:
        """Audio of an epoch."""
        return len(self) * self._dataset.recipe.item_seconds

    def __len__(self) -> int:
        """Items of an epoch."""
        return len(self._dataset)

    def piece(self, index: int, *, epoch: int, place: float, frames: int) -> dict[str, Any]:
        """Render an item; see `Items`."""
        started = time.perf_counter()
        self._dataset.set_epoch(epoch)
        tables = self._prepare(self._dataset[index])
        return _cut(tables, place, frames, self._prepare.n_targets, started)


def open_recipe(path: Path, roots: Mapping[str, Path], prepare: Preparation, objective: Objective) -> RecipeItems:
    """Open a recipe to be rendered on the fly; raises as `percepkit.synth.torch.SynthDataset`."""
    dataset = SynthDataset(path, roots, targets=objective.stored)
    stored_tables(dataset.recipe, objective, prepare.sample_rate)
    return RecipeItems(dataset, prepare)


class CachedItems:
    """Items whose tables lie in a folder, from `cache_corpus`; nothing is read before it is asked for.

    Parameters
    ----------
    folder : Path
    n_targets : int
        Columns of the targets.
    limit : int, optional
        Use the first items only.
    """

    def __init__(self, folder: Path, n_targets: int, limit: int | None = None) -> None:
        self._folders = sorted(file.parent for file in folder.glob(f"*/{INDEX}"))
        self._n_targets = n_targets
        self._places: list[tuple[int, int, int, int]] = []  # part, first row, first hop, frames
        self.samples: list[int] = []
        for part, index in enumerate(json.loads((path / INDEX).read_text()) for path in self._folders):
            row = 0
            for number, (frames, samples) in enumerate(zip(index["frames"], index["samples"], strict=True)):
                self._places.append((part, row, row + number, frames))
                self.samples.append(samples)
                row += frames
        del self._places[limit:], self.samples[limit:]
        self._sample_rate = json.loads((folder / "about.json").read_text())["sample_rate"]
        self._maps: dict[int, Tables] = {}

    @property
    def seconds(self) -> float:
        """Audio of all items."""
        return sum(self.samples) / self._sample_rate

    def __len__(self) -> int:
        """Number of items."""
        return len(self._places)

    def frames(self, index: int) -> int:
        """Length of an item."""
        return self._places[index][3]

    def piece(self, index: int, *, epoch: int, place: float, frames: int) -> dict[str, Any]:
        """Read some frames of an item; see `Items`."""
        started = time.perf_counter()
        part, row, hop, count = self._places[index]
        if part not in self._maps:
            files = self._folders[part].glob("*.npy")
            self._maps[part] = {file.stem: np.load(file, mmap_mode="r") for file in files}
        tables = {
            name: table[hop : hop + count + 1] if name in HOPS else table[row : row + count]
            for name, table in self._maps[part].items()
        }
        return _cut(tables, place, frames, self._n_targets, started)

    def __getstate__(self) -> dict[str, Any]:
        # What worker processes are sent: they map the files themselves.
        return self.__dict__ | {"_maps": {}}


def _cut(tables: Tables, place: float, frames: int, n_targets: int, started: float) -> dict[str, Any]:
    n = len(tables["features"])
    first = int(place * max(n - frames + 1, 1))
    count = min(frames, n - first)
    piece: dict[str, Any] = {}
    for name, table in tables.items():
        rows = np.array(table[first : first + count + (name in HOPS)])
        piece[name] = rows if count == frames else np.pad(rows, ((0, frames - count), (0, 0)))
    piece["valid"] = np.unpackbits(piece["valid"], axis=1, count=n_targets).view(bool)
    return piece | {"frames": count, "prepared_seconds": time.perf_counter() - started}


def cache_corpus(
    corpus: Path,
    prepare: Preparation,
    objective: Objective,
    parent: Path,
    *,
    client: "Client | Serial",
    limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> CachedItems:
    """Compute the tables of a corpus, or find them where an earlier run left them; a killed one goes on.

    Parameters
    ----------
    corpus : Path
        Of `percepkit synth run`.
    prepare : Preparation
        Its ``stored`` is decided by what the corpus holds.
    objective : Objective
    parent : Path
        The tables lie in a folder of it whose name depends on all that they depend on.
    client : distributed.Client or Serial
    limit : int, optional
        Use the first items only.
    progress : callable, optional
        Called with parts done and in all.

    Raises
    ------
    ValueError
        If the corpus is none, is empty, or is not what `stored_tables` asks for.
    """
    stems = CorpusDataset(corpus)
    stored = stored_tables(stems.corpus.recipe, objective, prepare.sample_rate)
    prepare = replace(prepare, stored=stored)
    dataset = CorpusDataset(corpus, targets=objective.stored if stored else ())
    if not len(dataset):
        raise ValueError(f"{corpus}: no items in this corpus; finish it with `percepkit synth run`")
    folder = parent / _digest(dataset, prepare)
    folder.mkdir(parents=True, exist_ok=True)
    sweep_attempts(folder)
    n_items = len(dataset) if limit is None else min(limit, len(dataset))
    (folder / "about.json").write_text(json.dumps({"corpus": str(corpus), "sample_rate": prepare.sample_rate}))
    parts = [range(first, min(first + PART_ITEMS, len(dataset))) for first in range(0, n_items, PART_ITEMS)]
    missing = [part for part in parts if not (folder / _name(part) / INDEX).is_file()]
    done = len(parts) - len(missing)
    for _ in map_shards(_write_part, missing, client=client, payload=(dataset, prepare, folder)):
        done += 1
        if progress:
            progress(done, len(parts))
    return CachedItems(folder, prepare.n_targets, n_items)


def _name(part: range) -> str:
    return f"{part.start:07d}"


def _write_part(part: range, payload: tuple[CorpusDataset, Preparation, Path]) -> None:
    dataset, prepare, folder = payload
    items, samples = [], []
    for index in part:
        item = dataset[index]
        samples.append(len(item["noisy"]))
        items.append(prepare(item))
    with commit_folder(folder / _name(part), marker=INDEX) as attempt:
        for name in items[0]:
            np.save(attempt / f"{name}.npy", np.concatenate([tables[name] for tables in items]))
        frames = [len(tables["features"]) for tables in items]
        (attempt / INDEX).write_text(json.dumps({"frames": frames, "samples": samples}))


def _digest(dataset: CorpusDataset, prepare: Preparation) -> str:
    """All that the tables depend on, but the code."""
    items = dataset.corpus.items
    sums = items[["item", *sorted(name for name in items if name.startswith("checksum_"))]].to_csv(index=False)
    about = asdict(prepare) | {"features": prepare.features.model_dump(), "format_version": FORMAT_VERSION}
    text = json.dumps(about, sort_keys=True) + yaml_text(dataset.corpus.recipe) + sums
    return blake2b(text.encode(), digest_size=8).hexdigest()
