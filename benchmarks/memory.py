"""Peak memory of the main process (scheduler included) and of a worker, by the number of items; Linux only.

Items of 0.5 s at 8 kHz with generated noise, one Dask worker, each row in fresh processes. The ratio is to the
first row: memory that does not grow has 1. The plan is what a run writes before it renders.
"""

import _one_core  # noqa: F401, I001 - before NumPy

import argparse
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from _sources import make_sources, recipe_of, roots_of

from percepkit.engine import cluster
from percepkit.engine.tables import write_table
from percepkit.synth.plan import PLAN_TYPES, plan_chunks
from percepkit.synth.recipe import Recipe
from percepkit.synth.run import run_recipe
from percepkit.synth.sources import load_sources

ITEM_SECONDS, SAMPLE_RATE = 0.5, 8000


class Peaks(NamedTuple):
    """Peak resident memory in MB, and how long it took in seconds."""

    main: float
    worker: float
    seconds: float


def peak_mb() -> float:
    """Highest resident memory of this process so far."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def recipe_for(items: int, targets: tuple[str, ...] = ()) -> Recipe:
    """Small items, in tars: files by the hundred thousand measure the file system."""
    return recipe_of(items, ITEM_SECONDS, SAMPLE_RATE, target=None, noise={"generated": ["white"]},
                     targets=targets, container="tar", items_per_shard=200)  # fmt: skip


def render(folder: Path, items: int) -> Peaks:
    """Render a corpus in this process's own cluster."""
    recipe = recipe_for(items, ("erb_gains",))
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=folder) as out, cluster.client(1) as client:
        run_recipe(recipe, load_sources(recipe, folder), Path(out, "corpus"), roots_of(folder), client=client)
        return Peaks(peak_mb(), max(client.run(peak_mb).values()), time.perf_counter() - begun)


def write_plan(folder: Path, items: int) -> Peaks:
    """Write a plan."""
    recipe = recipe_for(items)
    sources = load_sources(recipe, folder)
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=folder) as out:
        write_table(plan_chunks(recipe, sources), Path(out, "plan.parquet"), kind="plan", types=PLAN_TYPES)
        return Peaks(peak_mb(), 0.0, time.perf_counter() - begun)


def main() -> None:
    """Print a table of peaks, and one of the plan."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--plan-items", type=int, default=1_000_000)
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as name,
        ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as fresh,
    ):
        folder = Path(name)
        make_sources(folder, SAMPLE_RATE)
        print("   items   main MB   ratio   worker MB   ratio   seconds")
        first: Peaks | None = None
        for items in arguments.items:
            found = fresh.submit(render, folder, items).result()
            first = first or found
            print(f"{items:8}{found.main:10.0f}{found.main / first.main:8.2f}{found.worker:12.0f}"
                  f"{found.worker / first.worker:8.2f}{found.seconds:10.1f}", flush=True)  # fmt: skip
        plan = fresh.submit(write_plan, folder, arguments.plan_items).result()
        print(f"\nplan of {arguments.plan_items} items: {plan.main:.0f} MB, {plan.seconds:.1f} s")


if __name__ == "__main__":
    main()
