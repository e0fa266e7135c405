"""CPU time of the networks on a stream in blocks of 10 ms, in percent of one core.

Networks that are shipped, and those of the configurations with random weights, of 8 and of 32 bits; the ratio is
that of the cost with 8 bits to that with 32. "whole" is a signal at once, "network" what onnxruntime takes of it.
Random weights need the extra dnn.
"""

import _one_core  # noqa: F401, I001 - before NumPy

import argparse
import importlib.util
import logging
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from _timing import take_turns

import percepkit.baselines.dnn
from percepkit.baselines.cost import speech_in_noise
from percepkit.baselines.dnn.card import Card
from percepkit.baselines.dnn.features import compute
from percepkit.baselines.dnn.runtime import NetworkDenoiser, Steps, load_network
from percepkit.baselines.trained import DENOISERS

CONFIGS = Path(percepkit.baselines.dnn.__file__).parent / "configs"
NAMES = ("percepnet", "percepnet_small", "crn", "rnnoise")


def untrained(folder: Path, names: list[str]) -> dict[str, NetworkDenoiser]:
    """Networks of configurations with random weights, of both precisions."""
    import torch

    from percepkit.baselines.dnn.config import load_config
    from percepkit.baselines.dnn.export import export
    from percepkit.baselines.dnn.system import System

    logging.disable(logging.WARNING)  # what the quantiser advises
    made = {}
    for config in (load_config(CONFIGS / f"{name}.yaml") for name in names):
        torch.manual_seed(0)
        system, rate = System(config), config.sample_rate
        rows = compute(system.features, speech_in_noise(rate, 1.0)["noisy"]).features
        for bits in (8, 32):
            card = Card(
                f"{config.name}-{bits}", "Random weights.", "", rate, config.features.name, config.objective,
                config.model.name, config.features.options, config.model.options,
            )  # fmt: skip
            written = export(system.model, card, folder, rows, quantise=bits == 8)
            made[f"{config.name}, {bits} bits"] = load_network(written.path)
    return made


def sides_of(name: str, network: NetworkDenoiser, seconds: float) -> dict[tuple[str, str], Callable[[], object]]:
    """A stream block by block, a whole signal, and the network alone."""
    rate = network.card.sample_rate
    noisy = speech_in_noise(rate, seconds)["noisy"]
    blocks = np.split(noisy, range(network.hop, len(noisy), network.hop))
    rows = compute(network.features, noisy).features[: len(blocks)]

    def stream() -> None:
        running = network.stream(rate)
        for block in blocks:
            running.process(block)

    return {
        (name, "stream"): stream,
        (name, "whole"): lambda: network(noisy, rate),
        (name, "network"): lambda: Steps(network.session).run(rows),
    }


def print_table(spent: Mapping[tuple[str, str], float], networks: Mapping[str, NetworkDenoiser]) -> None:
    """Print a row for each network."""
    print(f"{'% of a core':28}{'stream':>8}{'whole':>8}{'network':>9}{'MB':>7}{'ratio':>8}")
    for name, network in networks.items():
        costs = (spent[name, "stream"], spent[name, "whole"])
        full = spent.get((name.replace(", 8 bits", ", 32 bits"), "stream"))
        ratio = f"{costs[0] / full:8.2f}" if ", 8 bits" in name and full else ""
        columns = "".join(f"{cost:8.2f}" for cost in costs) + f"{spent[name, 'network']:9.2f}"
        print(f"{name:28}{columns}{network.file_mb:7.2f}{ratio}")


def main() -> None:
    """Measure all of them in turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5, help="length of the signal")
    parser.add_argument("--rounds", type=int, default=5, help="measurements whose median counts")
    parser.add_argument("--configs", default=",".join(NAMES), help="names with commas between them")
    arguments = parser.parse_args()
    networks = {network.spec.name: network for network in DENOISERS if isinstance(network, NetworkDenoiser)}
    can_build = all(importlib.util.find_spec(name) for name in ("torch", "onnx"))
    with tempfile.TemporaryDirectory() as folder:
        if can_build:
            networks |= untrained(Path(folder), arguments.configs.split(","))
        sides: dict[tuple[str, str], Callable[[], object]] = {}
        for name, network in networks.items():
            sides |= sides_of(name, network, arguments.seconds)
        spent = {
            side: 100 * cost.cpu / arguments.seconds for side, cost in take_turns(sides, arguments.rounds).items()
        }
        print_table(spent, networks)
    print(f"networks that are shipped: {len(DENOISERS)}")
    print("with random weights: " + ("as above" if can_build else "none, for want of the extra dnn"))


if __name__ == "__main__":
    main()
