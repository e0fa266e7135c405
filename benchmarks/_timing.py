"""Timing of sides that take turns, so that a slow minute of the machine hits all of them alike."""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

__all__ = ["Ratio", "Spent", "median", "ratio", "take_rounds", "take_turns"]


class Spent(NamedTuple):
    """Seconds: CPU of this process (the kernel's work for it included), and wall."""

    cpu: float
    wall: float


class Ratio(NamedTuple):
    """Median, lowest and highest over the rounds."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


def take_rounds(
    sides: Mapping[str, Callable[[], object]], rounds: int, clean_up: Callable[[], object] = lambda: None
) -> dict[str, list[Spent]]:
    """Run the sides in turn; a first round warms caches and compilers and does not count, nor does cleaning up."""
    spent: dict[str, list[Spent]] = {name: [] for name in sides}
    for _ in range(rounds + 1):
        for name, work in sides.items():
            cpu, wall = time.process_time(), time.perf_counter()
            work()
            spent[name].append(Spent(time.process_time() - cpu, time.perf_counter() - wall))
            clean_up()
    return {name: parts[1:] for name, parts in spent.items()}


def take_turns(
    sides: Mapping[str, Callable[[], object]], rounds: int, clean_up: Callable[[], object] = lambda: None
) -> dict[str, Spent]:
    """Medians of `take_rounds`."""
    return {name: median(parts) for name, parts in take_rounds(sides, rounds, clean_up).items()}


def median(parts: list[Spent]) -> Spent:
    """Median CPU time and median wall time of one side."""
    return Spent(*(float(m) for m in np.median(parts, axis=0)))


def ratio(over: list[Spent], under: list[Spent], clock: str = "cpu") -> Ratio:
    """Time of one side over that of the other, round by round."""
    each = [getattr(a, clock) / getattr(b, clock) for a, b in zip(over, under, strict=True)]
    return Ratio(float(np.median(each)), min(each), max(each))
