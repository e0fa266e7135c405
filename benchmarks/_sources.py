"""What the benchmarks work on: the demo's voices, pink noise and decaying rooms, as 16-bit WAV or FLAC."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from percepkit.audio.files import read, write
from percepkit.audio.resampling import resample
from percepkit.dsp.noise import generate
from percepkit.engine import cluster
from percepkit.manifests.demo import demo_folder
from percepkit.manifests.scan import scan
from percepkit.manifests.table import write_manifest
from percepkit.synth.plan import draw_plan
from percepkit.synth.recipe import Recipe
from percepkit.synth.sources import Sources

__all__ = ["Cut", "cuts_of", "make_sources", "recipe_of", "roots_of", "utterance"]

FILES = 8
ROOTS = ("speech", "noise", "rooms")


class Cut(NamedTuple):
    """What one item of a plan is made of."""

    speech: Path
    noise: Path
    room: Path | None
    snr_db: float


def utterance(voice: int, seconds: float, sample_rate: int) -> np.ndarray:
    """Sentences of one demo voice, one after another, as often as it takes; float32."""
    folder = sorted(path for path in (demo_folder() / "speech").iterdir() if path.is_dir())[voice]
    sentences = [read(file, channel=0) for file in sorted(folder.glob("*.flac"))]
    joined = np.concatenate([resample(x, rate, sample_rate) for x, rate in sentences])
    return np.resize(joined, round(seconds * sample_rate))


def make_sources(folder: Path, sample_rate: int, seconds: float = 40.0, *, suffix: str = ".wav") -> None:
    """Write speech, noise and rooms of 0.5 s, and their manifests."""
    for name in ROOTS:
        (folder / name).mkdir(parents=True)
    n = round(seconds * sample_rate)
    t = np.arange(sample_rate // 2) / sample_rate
    for index in range(FILES):
        write(folder / "speech" / f"{index}{suffix}", utterance(index, seconds, sample_rate), sample_rate)
        write(
            folder / "noise" / f"{index}{suffix}", 0.1 * generate("pink", n, sample_rate, index, {}), sample_rate
        )
        tail = 0.1 * generate("white", len(t), sample_rate, 100 + index, {}) * np.exp(-6.9 * t / 0.3)
        room = tail * (t > 0.005)
        room[int(0.003 * sample_rate)] = 1.0
        write(folder / "rooms" / f"{index}{suffix}", 0.7 * room / np.abs(room).max(), sample_rate)
    with cluster.client(0) as client:
        for name in ROOTS:
            kind = "rir" if name == "rooms" else name
            table = scan(folder / name, kind=kind, root_name=name, client=client)
            write_manifest(table, folder / f"{name}.parquet")


def roots_of(folder: Path) -> dict[str, Path]:
    """Where the files of `make_sources` lie."""
    return {name: folder / name for name in ROOTS}


def recipe_of(items: int, seconds: float, sample_rate: int, *, target: str | None, **settings: object) -> Recipe:
    """Recipe over `make_sources`, without oracle targets unless asked; no rooms where ``target`` is None."""
    content: dict[str, object] = {
        "name": "bench", "seed": 1, "items": items, "item_seconds": seconds, "sample_rate": sample_rate,
        "speech": {"manifest": "speech.parquet", "pause_seconds": 0}, "noise": {"manifest": "noise.parquet"},
        "snr_db": {"uniform": [0, 20]}, "level_dbfs": -20, "targets": [],
    }  # fmt: skip
    if target is not None:
        content["rooms"] = {"manifest": "rooms.parquet", "target": target}
    return Recipe.model_validate(content | settings)


def cuts_of(recipe: Recipe, sources: Sources, roots: dict[str, Path]) -> list[Cut]:
    """The files and SNRs that a recipe's plan chooses, for the other side to work on the same."""
    return [
        Cut(roots["speech"] / row.speech[0]["path"], roots["noise"] / row.noise[0]["path"],
            roots["rooms"] / row.rir_path if recipe.rooms else None, row.snr_db)
        for row in draw_plan(recipe, sources).itertuples()
    ]  # fmt: skip
