"""FLAC in and FLAC out against a ceiling in the same run: bare items with a room, one core.

percepkit   run_recipe with all its bookkeeping, sources and corpus in FLAC
tuned       _tuned_loop.py: the least work that makes the same files, at FLAC's level 0; nothing is measured
codec       reading the same segments and writing as many files, nothing computed between them
percepkit, WAV and tuned, WAV   the same without FLAC

The last column says which share of percepkit's time the codec alone takes.
"""

import _one_core  # noqa: F401, I001 - before NumPy

import argparse
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from _sources import cuts_of, make_sources, recipe_of, roots_of
from _timing import Spent, median, ratio, take_rounds
from _tuned_loop import copy, render

from percepkit.engine import cluster
from percepkit.synth.run import run_recipe
from percepkit.synth.sources import load_sources


def compare(
    folders: dict[str, Path], sample_rate: int, items: int, seconds: float, rounds: int
) -> dict[str, list[Spent]]:
    """Time of the sides of each format, round by round."""
    out = folders["flac"] / "out"
    sides: dict[str, Callable[[], object]] = {}
    with cluster.client(0) as client:

        def add(kind: str) -> None:
            folder, suffix = folders[kind], f".{kind}"
            recipe = recipe_of(items, seconds, sample_rate, target="reverberant", audio_format=kind)
            sources, roots = load_sources(recipe, folder), roots_of(folder)
            cuts = cuts_of(recipe, sources, roots)
            sides[f"percepkit {kind}"] = lambda: run_recipe(recipe, sources, out, roots, client=client)
            sides[f"tuned {kind}"] = lambda: render(cuts, out, seconds, sample_rate, suffix)
            sides[f"codec {kind}"] = lambda: copy(cuts, out, seconds, sample_rate, suffix)

        for kind in folders:
            add(kind)
        return take_rounds(sides, rounds, lambda: shutil.rmtree(out, ignore_errors=True))


def main() -> None:
    """Print a table of x real time and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10.0, help="of an item")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    print("x real time (CPU)   percepkit   tuned   codec   ratio percepkit to tuned   codec's share")
    for sample_rate in (16_000, 48_000):
        with tempfile.TemporaryDirectory() as name:
            folders = {kind: Path(name, kind) for kind in ("flac", "wav")}
            for kind, folder in folders.items():
                make_sources(folder, sample_rate, 4 * arguments.seconds, suffix=f".{kind}")
            spent = compare(folders, sample_rate, arguments.items, arguments.seconds, arguments.rounds)
        audio = arguments.items * arguments.seconds
        for kind in folders:
            ours, tuned, codec = (spent[f"{side} {kind}"] for side in ("percepkit", "tuned", "codec"))
            speeds = "".join(
                f"{audio / median(parts).cpu:{width}.0f}" for parts, width in ((ours, 12), (tuned, 8), (codec, 8))
            )
            share = median(codec).cpu / median(ours).cpu
            label = f"{sample_rate // 1000} kHz, {kind.upper()}"
            print(f"{label:17}{speeds}   {ratio(tuned, ours)!s:>24}{share:16.2f}")


if __name__ == "__main__":
    main()
