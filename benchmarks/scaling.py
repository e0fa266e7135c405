"""Two Dask workers against two independent processes, and how soon workers are ready. Wall time.

one process    half of the items, all bookkeeping included, without Dask, in a warm process
two processes  the same in two processes at once, each a corpus of its own: what the machine has to give
two workers    all items with two warm Dask workers

Bare items are rendered at two rates (`synth run`); then corpora of a tenth of the items are scored (`eval run`:
the Wiener filter and the noisy input by the five metrics of the headline). The ratio is the time of two processes
over that of two workers: 1 would mean that Dask, the plan that is written before the first shard, and waiting for
the last shard cost nothing. Then, of two fresh workers:

cluster       seconds from asking for the cluster until both are connected
ready         seconds until both have imported what rendering needs
CPU           seconds of CPU of one worker, when connected and when ready
heavy         what it has imported of the libraries that a worker should not need
"""

import _one_core  # noqa: F401, I001 - before NumPy

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from _sources import make_sources, recipe_of, roots_of
from _timing import median, ratio, take_rounds

from percepkit.engine import cluster
from percepkit.eval.metrics import HEADLINE
from percepkit.eval.score import score_corpus
from percepkit.synth.recipe import Recipe
from percepkit.synth.run import run_recipe
from percepkit.synth.sources import Sources, load_sources

DENOISERS = ("wiener",)

Half = tuple[Recipe, Sources, Path, Path]


def render_half(half: Half) -> None:
    """In a process of its own."""
    recipe, sources, folder, out = half
    with cluster.client(0) as serial:
        run_recipe(recipe, sources, out, roots_of(folder), client=serial)


def score_one(work: tuple[Path, Path]) -> None:
    """In a process of its own."""
    corpus, out = work
    with cluster.client(0) as serial:
        score_corpus(corpus, DENOISERS, HEADLINE, out, client=serial)


def compare_rendering(folder: Path, sample_rate: int, items: int, seconds: float, rounds: int) -> None:
    """Print the row of `synth run` at one rate."""
    recipe = recipe_of(items, seconds, sample_rate, target="reverberant", items_per_shard=max(1, items // 16))
    sources, out = load_sources(recipe, folder), folder / "out"
    halves: list[Half] = [
        (recipe.model_copy(update={"items": items // 2, "seed": seed}), sources, folder, out / str(seed))
        for seed in (1, 2)
    ]
    with ProcessPoolExecutor(2, get_context("spawn")) as pool, cluster.client(2) as client:
        sides = {
            "one process": lambda: list(pool.map(render_half, halves[:1])),
            "two processes": lambda: list(pool.map(render_half, halves)),
            "two workers": lambda: run_recipe(recipe, sources, out / "all", roots_of(folder), client=client),
        }
        print_row(f"synth run, {sample_rate // 1000} kHz", sides, rounds, out)


def compare_scoring(folder: Path, items: int, seconds: float, rounds: int) -> None:
    """Print the row of `eval run` at 16 kHz."""
    recipe = recipe_of(items, seconds, 16_000, target="reverberant", items_per_shard=max(1, items // 16))
    sources, out = load_sources(recipe, folder), folder / "out"
    with cluster.client(0) as serial:
        for name, part in {"all": items, "1": items // 2, "2": items // 2}.items():
            own = recipe.model_copy(update={"items": part, "seed": int(name) if name.isdigit() else 3})
            run_recipe(own, sources, folder / name, roots_of(folder), client=serial)
    halves = [(folder / name, out / f"{name}.parquet") for name in ("1", "2")]
    with ProcessPoolExecutor(2, get_context("spawn")) as pool, cluster.client(2) as client:
        sides = {
            "one process": lambda: list(pool.map(score_one, halves[:1])),
            "two processes": lambda: list(pool.map(score_one, halves)),
            "two workers": lambda: score_corpus(
                folder / "all", DENOISERS, HEADLINE, out / "all.parquet", client=client
            ),
        }
        print_row("eval run, 16 kHz", sides, rounds, out)


def print_row(title: str, sides: Mapping[str, Callable[[], object]], rounds: int, out: Path) -> None:
    """Time the sides, whose output lies in a folder that is emptied after each."""

    def clean_up() -> None:
        shutil.rmtree(out)
        out.mkdir()

    out.mkdir()
    spent = take_rounds(sides, rounds, clean_up)
    one, processes, workers = (median(spent[name]).wall for name in sides)
    print(f"{title:18s}{2 * one / processes:17.2f}{2 * one / workers:14.2f}"
          f"   {ratio(spent['two processes'], spent['two workers'], 'wall')!s:>22}", flush=True)  # fmt: skip


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=400)
    parser.add_argument("--seconds", type=float, default=10.0, help="of an item")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--of", nargs="+", choices=("synth", "eval"), default=("synth", "eval"))
    arguments = parser.parse_args()
    print("times as fast as one:  two processes   two workers   ratio of wall time")
    for sample_rate in (16_000, 48_000) if "synth" in arguments.of else ():
        with tempfile.TemporaryDirectory() as name:
            make_sources(Path(name), sample_rate, 4 * arguments.seconds)
            compare_rendering(Path(name), sample_rate, arguments.items, arguments.seconds, arguments.rounds)
    if "eval" in arguments.of:
        with tempfile.TemporaryDirectory() as name:
            make_sources(Path(name), 16_000, 4 * arguments.seconds)
            compare_scoring(Path(name), max(2, arguments.items // 10), arguments.seconds, arguments.rounds)
    print("\ncluster   ready   CPU started   CPU ready   heavy", flush=True)
    subprocess.run([sys.executable, Path(__file__).with_name("_worker_start.py")], check=True)


if __name__ == "__main__":
    main()
