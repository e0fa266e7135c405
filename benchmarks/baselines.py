"""CPU time of the classical denoisers, causal ones of any rate, on 10 s of white noise, in percent of one core.

Whole signals at 16 and 48 kHz, and a stream of 10 ms blocks at 16 kHz; the ratio is to the Wiener filter, whole.
"""

import _one_core  # noqa: F401, I001 - before NumPy

import argparse
from collections.abc import Callable

import numpy as np
from _timing import take_turns

from percepkit.baselines.denoiser import CausalDenoiser
from percepkit.baselines.registry import load, names

REFERENCE = "wiener"


def whole(name: str, sample_rate: int, seconds: float) -> Callable[[], object]:
    """Enhance a whole signal."""
    noise = 0.1 * np.random.default_rng(0).standard_normal(int(seconds * sample_rate))
    return lambda: load(name)(noise, sample_rate)


def streamed(name: str, sample_rate: int, seconds: float) -> Callable[[], object]:
    """Enhance a signal block by block."""
    noise = 0.1 * np.random.default_rng(0).standard_normal(int(seconds * sample_rate))
    blocks = np.split(noise, range(sample_rate // 100, len(noise), sample_rate // 100))

    def work() -> None:
        stream = load(name).stream(sample_rate)
        for block in blocks:
            stream.process(block)

    return work


def main() -> None:
    """Print a row for each denoiser."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="length of the signal")
    parser.add_argument("--rounds", type=int, default=5, help="measurements whose median counts")
    parser.add_argument("--denoisers", default="", help="names with commas between them; default: all")
    arguments = parser.parse_args()
    chosen = arguments.denoisers.split(",") if arguments.denoisers else names()
    loaded = {name: load(name) for name in chosen}
    chosen = [
        name
        for name, found in loaded.items()
        if isinstance(found, CausalDenoiser) and found.spec.native_sample_rates is None
    ]
    sides = {}
    for name in sorted({REFERENCE, *chosen}):
        sides[name, "16 kHz"] = whole(name, 16_000, arguments.seconds)
        sides[name, "stream"] = streamed(name, 16_000, arguments.seconds)
        sides[name, "48 kHz"] = whole(name, 48_000, arguments.seconds)
    spent = {
        side: 100 * cost.cpu / arguments.seconds for side, cost in take_turns(sides, arguments.rounds).items()
    }
    print(f"{'% of a core':24}{'16 kHz':>8}{'stream':>8}{'48 kHz':>8}{'ratio':>8}")
    for name in chosen:
        costs = [spent[name, column] for column in ("16 kHz", "stream", "48 kHz")]
        print(f"{name:24}" + "".join(f"{cost:8.2f}" for cost in (*costs, costs[0] / spent[REFERENCE, "16 kHz"])))


if __name__ == "__main__":
    main()
