"""Timing of sides that take turns, so that a slow minute of the machine hits all of them alike."""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

__all__ = ["Spent", "take_turns"]


class Spent(NamedTuple):
    """Medians over the rounds, in seconds: CPU of this process (the kernel's work for it included), and wall."""

    cpu: float
    wall: float


def take_turns(
    sides: Mapping[str, Callable[[], object]], rounds: int, clean_up: Callable[[], object] = lambda: None
) -> dict[str, Spent]:
    """Run the sides in turn; a first round warms caches and compilers and does not count, nor does cleaning up."""
    spent: dict[str, list[Spent]] = {name: [] for name in sides}
    for _ in range(rounds + 1):
        for name, work in sides.items():
            cpu, wall = time.process_time(), time.perf_counter()
            work()
            spent[name].append(Spent(time.process_time() - cpu, time.perf_counter() - wall))
            clean_up()
    return {name: Spent(*(float(m) for m in np.median(parts[1:], axis=0))) for name, parts in spent.items()}
