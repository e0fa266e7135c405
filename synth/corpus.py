"""Reading a rendered corpus: its items, their stems and their targets.

Columns of ``items``: item, item_id, shard, status (``ok`` or why the item is missing) and reason; speaker,
noise_class, noise_kind, generated, room, rt60, drr, c50, snr_db, snr_kind, level_dbfs and degradations (JSON) as
planned; snr_realised_db (against the background noise), snr_total_db (against all noise), level_realised_dbfs,
speech_dbfs, noise_dbfs, peak, guard_db (the clipping guard's gain), rt60_realised, drr_realised and c50_realised
(of the response as it was changed) as measured, and mixture_sdr_db where the
mixture was degraded and the target was not (the SNRs are null there); layers with their SNRs as planned and as
realised; sample_rate, seconds, speech_paths and noise_paths; n_frames and frame_offset, the item's rows in the
target arrays of its shard; and checksum_NAME of every stem and target.

Of ready-made pairs, noise_kind is ``additive`` (the SNRs are those of the recordings' difference) or
``rerecorded``: then the difference holds what a device and a room made of the speech, the SNRs are null and
mixture_sdr_db is the clean signal's energy over that difference. noise_paths name the noisy recording.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from percepkit.audio.files import AudioError, read_bytes
from percepkit.audio.resampling import resample
from percepkit.engine.tables import read_table
from percepkit.synth.recipe import Recipe, load_recipe
from percepkit.synth.store import Reader, open_reader, stem_name

__all__ = ["Corpus", "Shard", "open_corpus", "shard_folder", "shards_of"]


@dataclass(frozen=True, eq=False)
class Shard:
    """The unit of work, commit and resume: a number and its rows of the plan."""

    number: int
    rows: pd.DataFrame

    def __str__(self) -> str:
        return f"{self.number:05d}"


def shards_of(plan: pd.DataFrame) -> list[Shard]:
    """Cut a plan into its shards."""
    return [Shard(int(number), rows) for number, rows in plan.groupby("shard")]


def shard_folder(corpus: Path, shard: int) -> Path:
    """Folder of a shard."""
    return corpus / "shards" / f"{shard:05d}"


@dataclass(frozen=True)
class Corpus:
    """A rendered corpus, complete or still growing.

    Attributes
    ----------
    folder : Path
    recipe : Recipe
    """

    folder: Path
    recipe: Recipe

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        return self.recipe.sample_rate

    @cached_property
    def plan(self) -> pd.DataFrame:
        """Plan of every item, rendered or not."""
        return read_table(self.folder / "plan.parquet", kind="plan")

    @cached_property
    def shards(self) -> list[int]:
        """Shards that are committed."""
        return sorted(int(file.parent.name) for file in self.folder.glob("shards/[0-9]*/items.parquet"))

    @cached_property
    def items(self) -> pd.DataFrame:
        """Committed items, in order."""
        tables = [read_table(shard_folder(self.folder, s) / "items.parquet", kind="items") for s in self.shards]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()

    @cached_property
    def _by_item(self) -> pd.DataFrame:
        return self.items.set_index("item", drop=False)

    def stem(self, item: int, name: str, *, as_written: bool = False) -> np.ndarray:
        """Audio of an item.

        Parameters
        ----------
        item : int
        name : {"noisy", "clean", "speech", "noise"}, or a further target
            Where there is no ``speech`` it is ``clean``.
        as_written : bool
            Leave ``noisy`` at the rate of its file, ``recipe.rate_of("noisy")``, if that is another.

        Returns
        -------
        float32 array, shape (n_samples,)
            At `sample_rate`, all stems of an item equally long.
        """
        row = self._row(item)
        stem = name if name in self.recipe.stems else "clean" if name == "speech" else name
        if stem not in self.recipe.stems:
            raise ValueError(f"no stem {name!r}; this corpus has: {', '.join(self.recipe.stems)}")
        file = stem_name(str(row["item_id"]), stem, self.recipe.audio_format)
        try:
            x, rate = read_bytes(self.reader(row["shard"]).audio(file), file)
        except KeyError:
            raise AudioError("missing", shard_folder(self.folder, row["shard"]) / file, "no such file") from None
        if as_written or rate == self.sample_rate:
            return x
        return resample(x, rate, self.sample_rate)[: round(row["seconds"] * self.sample_rate)]

    def reader(self, shard: int) -> Reader:
        """Access to the files of a shard."""
        if shard not in self._readers:
            self._readers[shard] = open_reader(shard_folder(self.folder, shard))
        return self._readers[shard]

    @cached_property
    def _readers(self) -> dict[int, Reader]:
        return {}

    def target(self, item: int, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Values and validity of a target, each of shape (frames, width), from a folder by memory map."""
        if name not in self.recipe.targets:
            raise ValueError(f"this corpus has no target {name!r}; it has: {', '.join(self.recipe.targets)}")
        row = self._row(item)
        return self.reader(row["shard"]).target(str(row["item_id"]), name, row["frame_offset"], row["n_frames"])

    def _row(self, item: int) -> Any:
        if item not in self._by_item.index:
            raise ValueError(f"{self.folder}: item {item} is not rendered (yet)")
        row = self._by_item.loc[item]
        if row["status"] != "ok":
            raise ValueError(f"{self.folder}: item {item} was quarantined ({row['status']}): {row['reason']}")
        return row


def open_corpus(folder: str | Path) -> Corpus:
    """Open a corpus for reading.

    Raises
    ------
    ValueError
        If the folder is not a corpus.
    """
    folder = Path(folder)
    if not (folder / "recipe.yaml").is_file():
        raise ValueError(f"{folder}: not a corpus (no recipe.yaml); render one with `percepkit synth run`")
    return Corpus(folder, load_recipe(folder / "recipe.yaml"))
