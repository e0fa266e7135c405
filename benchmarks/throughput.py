"""Bare item throughput: percepkit, all bookkeeping included, against a plain loop in the same run.

An item: speech, noise and (with a room) its response from WAV files of 40 s, convolved, mixed at an SNR, set to
a level, and the stems written as 16-bit WAV. Both sides use the same files in one process on one core.

percepkit    run_recipe: draws the plan, reads the slices, measures levels and SNR, makes the dry target from the
             sub-sample direct path, takes checksums, writes tables, commits shards with fsync; no oracle targets.
plain loop   _plain_loop.py: whole files in float64, fftconvolve, nothing measured or kept but the audio.

no room    both write noisy, clean, noise
room       the same, the reverberant speech as clean
room, dry  both also write the dry target: percepkit's is aligned to a fraction of a sample, the plain loop's to a
           sample
gains      as room, and PercepNet's gains and strengths (_plain_targets.py), a quarter of the items
"""

import _one_core  # noqa: F401, I001 - before NumPy

import argparse
import shutil
import tempfile
from pathlib import Path

from _plain_loop import render
from _sources import cuts_of, make_sources, recipe_of, roots_of
from _timing import Spent, take_turns

from percepkit.engine import cluster
from percepkit.synth.plan import draw_plan
from percepkit.synth.run import run_recipe
from percepkit.synth.sources import load_sources

CASES = {"no room": None, "room": "reverberant", "room, dry": "dry", "gains": "reverberant"}
TARGETS = ("erb_gains", "comb_strengths")


def compare(
    folder: Path, sample_rate: int, case: str, items: int, seconds: float, rounds: int
) -> dict[str, Spent]:
    """Time of percepkit, of the plain loop, and of drawing the plan, which percepkit's includes."""
    target, targets = CASES[case], TARGETS if case == "gains" else ()
    recipe = recipe_of(items, seconds, sample_rate, target=target, targets=targets)
    sources, roots = load_sources(recipe, folder), roots_of(folder)
    cuts = cuts_of(recipe, sources, roots)
    out = folder / "out"
    with cluster.client(0) as client:
        sides = {
            "percepkit": lambda: run_recipe(recipe, sources, out, roots, client=client),
            "plain": lambda: render(cuts, out, seconds, dry_target=target == "dry", with_targets=bool(targets)),
            "plan": lambda: draw_plan(recipe, sources),
        }
        return take_turns(sides, rounds, lambda: shutil.rmtree(out, ignore_errors=True))


def main() -> None:
    """Print a table of x real time and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=10.0, help="of an item")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print("x real time (CPU)      percepkit  plain loop   ratio   without drawing the plan   ratio of wall time")
    for sample_rate in (16_000, 48_000):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            make_sources(folder, sample_rate, 4 * arguments.seconds)
            for case in CASES:
                items = -(-arguments.items // 4) if case == "gains" else arguments.items
                spent = compare(folder, sample_rate, case, items, arguments.seconds, arguments.rounds)
                ours, plain, plan = spent["percepkit"], spent["plain"], spent["plan"]
                audio = items * arguments.seconds
                label = f"{sample_rate // 1000} kHz, {case}"
                print(f"{label:22}{audio / ours.cpu:10.0f}{audio / plain.cpu:12.0f}{plain.cpu / ours.cpu:8.2f}"
                      f"{plain.cpu / (ours.cpu - plan.cpu):27.2f}{plain.wall / ours.wall:21.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
