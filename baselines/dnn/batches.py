"""Batches in an order that follows from the seed alone, so that a run can go on anywhere."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from percepkit.baselines.dnn.data import CachedItems, Items
from percepkit.dsp import draws

__all__ = ["EpochBatches", "Pieces", "train_loader", "valid_batches"]

#: Epoch, index of the item, and place of the piece in it.
Draw = tuple[int, int, float]


class EpochBatches:
    """Which pieces make the batches of ``epoch``, from batch ``first`` on; both are set before each use.

    Parameters
    ----------
    n_items, batch_size, seed : int
        The items that are left over when all batches are full wait for another epoch's order.
    """

    def __init__(self, n_items: int, batch_size: int, seed: int) -> None:
        self.epoch, self.first = 0, 0
        self._n_items, self._size, self._seed = n_items, min(batch_size, n_items), seed

    def __len__(self) -> int:
        """Batches of a whole epoch."""
        return self._n_items // self._size

    def __iter__(self) -> Iterator[list[Draw]]:
        """Yield the batches."""
        raw = draws.words(draws.key_of(self._seed, "batches", self.epoch), 0, self._n_items)
        u = draws.uniform(raw)
        order = np.argsort(u[:, 0], kind="stable")
        for batch in range(self.first, len(self)):
            chosen = order[batch * self._size : (batch + 1) * self._size]
            yield [(self.epoch, int(index), float(u[index, 1])) for index in chosen]


class Pieces:
    """Pieces of items, looked up by draws: a dataset for PyTorch's loader.

    Parameters
    ----------
    items : Items
    frames : int
        Length of a piece.
    """

    def __init__(self, items: Items, frames: int) -> None:
        self._items, self._frames = items, frames

    def __getitem__(self, draw: Draw) -> dict[str, Any]:
        """Tables of one piece."""
        epoch, index, place = draw
        return self._items.piece(index, epoch=epoch, place=place, frames=self._frames)


def train_loader(items: Items, order: EpochBatches, frames: int, *, workers: int, pin: bool) -> Any:
    """Loader whose every pass gives the batches that ``order`` says; worker processes stay from pass to pass."""
    return DataLoader(
        Pieces(items, frames),
        batch_sampler=order,
        num_workers=workers,
        persistent_workers=workers > 0,
        multiprocessing_context="spawn" if workers else None,  # a fork of a process with threads may hang
        pin_memory=pin,
    )


def valid_batches(items: CachedItems, batch_size: int) -> Iterator[tuple[list[int], dict[str, torch.Tensor]]]:
    """Whole items in order, as many as a batch holds, and their indices."""
    for first in range(0, len(items), batch_size):
        chosen = list(range(first, min(first + batch_size, len(items))))
        frames = max(items.frames(index) for index in chosen)
        pieces = [items.piece(index, epoch=0, place=0.0, frames=frames) for index in chosen]
        yield chosen, torch.utils.data.default_collate(pieces)
