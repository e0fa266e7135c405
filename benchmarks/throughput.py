"""Bare item throughput: percepkit, all bookkeeping included, against a plain loop in the same run.

An item: read 10 s of speech, of noise and (in the second case) a room response from 40 s WAV files, convolve,
mix at an SNR, set the level, write the stems as 16-bit WAV. Both sides read the same files and write as many.
percepkit also measures levels and SNR, takes checksums, and commits shards with fsync; oracle targets are off
on both sides. One process, one core; rounds alternate, medians of CPU time count. Only the ratio of one run
means something.

Run it with: python benchmarks/throughput.py [--items 40] [--rounds 5]
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from _plain_loop import render

from percepkit.audio.files import read, write
from percepkit.audio.resampling import resample
from percepkit.dsp.noise import generate
from percepkit.engine import cluster
from percepkit.manifests.demo import demo_folder
from percepkit.manifests.scan import scan
from percepkit.manifests.table import write_manifest
from percepkit.synth.plan import draw_plan
from percepkit.synth.recipe import Recipe
from percepkit.synth.run import run_recipe
from percepkit.synth.sources import load_sources

SECONDS = 10.0
FILES = 8
FILE_SECONDS = 40


def make_sources(folder: Path, sample_rate: int) -> None:
    """Write speech, noise and rooms as WAV, and their manifests."""
    voices = sorted(path for path in (demo_folder() / "speech").iterdir() if path.is_dir())
    n = FILE_SECONDS * sample_rate
    for kind in ("speech", "noise", "rooms"):
        (folder / kind).mkdir(parents=True)
    for index, voice in enumerate(voices[:FILES]):
        parts = [resample(read(f, channel=0)[0], 16_000, sample_rate) for f in sorted(voice.glob("*.flac"))]
        speech = np.resize(np.concatenate(parts), n)
        write(folder / "speech" / f"{voice.name}.wav", speech, sample_rate)
        write(folder / "noise" / f"{index}.wav", 0.1 * generate("pink", n, sample_rate, index, {}), sample_rate)
        t = np.arange(sample_rate // 2) / sample_rate
        room = 0.1 * generate("white", len(t), sample_rate, 100 + index, {}) * np.exp(-6.9 * t / 0.3) * (t > 0.005)
        room[int(0.003 * sample_rate)] = 1.0
        write(folder / "rooms" / f"{index}.wav", 0.7 * room / np.abs(room).max(), sample_rate)
    with cluster.client(0) as client:
        for kind, name in (("speech", "speech"), ("noise", "noise"), ("rir", "rooms")):
            table = scan(folder / name, kind=kind, root_name=name, client=client)
            write_manifest(table, folder / f"{name}.parquet")


def recipe_of(items: int, sample_rate: int, rooms: bool) -> Recipe:
    """Recipe of items like the plain loop's."""
    content = {
        "name": "bench", "seed": 1, "items": items, "item_seconds": SECONDS, "sample_rate": sample_rate,
        "speech": {"manifest": "speech.parquet", "pause_seconds": 0}, "noise": {"manifest": "noise.parquet"},
        "snr_db": {"uniform": [0, 20]}, "level_dbfs": -20, "targets": [],
    }  # fmt: skip
    if rooms:
        content["rooms"] = {"manifest": "rooms.parquet"}
    return Recipe.model_validate(content)


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of one call, of this process and the kernel on its behalf."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def compare(folder: Path, sample_rate: int, rooms: bool, items: int, rounds: int) -> tuple[float, float]:
    """Median CPU seconds of percepkit and of the plain loop."""
    recipe = recipe_of(items, sample_rate, rooms)
    sources = load_sources(recipe, folder)
    roots = {name: folder / name for name in ("speech", "noise", "rooms")}
    plan = draw_plan(recipe, sources)
    pairs = [
        (folder / "speech" / row.speech[0]["path"], folder / "noise" / row.noise[0]["path"],
         folder / "rooms" / row.rir_path if rooms else None, row.snr_db)
        for row in plan.itertuples()
    ]  # fmt: skip
    ours, plain = [], []
    with cluster.client(0) as client, tempfile.TemporaryDirectory() as out:
        for number in range(rounds + 1):  # the first warms caches and compiles, and does not count
            a, b = Path(out, f"ours{number}"), Path(out, f"plain{number}")
            ours.append(cpu_seconds(lambda a=a: run_recipe(recipe, sources, a, roots, client=client)))
            plain.append(cpu_seconds(lambda b=b: render(pairs, b, SECONDS)))
    return float(np.median(ours[1:])), float(np.median(plain[1:]))


def main() -> None:
    """Print a table of x real time and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--items", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print("                          percepkit   plain loop   ratio   (x real time per core; ratio of CPU time)")
    for sample_rate in (16_000, 48_000):
        with tempfile.TemporaryDirectory() as folder:
            make_sources(Path(folder), sample_rate)
            for rooms in (False, True):
                ours, plain = compare(Path(folder), sample_rate, rooms, arguments.items, arguments.rounds)
                audio = arguments.items * SECONDS
                label = f"{sample_rate // 1000} kHz, {'room, 4 files' if rooms else 'no room, 3 files'}"
                print(f"{label:26}{audio / ours:9.0f}{audio / plain:13.0f}{plain / ours:8.2f}")


if __name__ == "__main__":
    main()
