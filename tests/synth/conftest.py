"""Small worlds of sound made for one test, and a path on which the helper modules beside this file are found."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
import soundfile

from percepkit.engine import cluster
from percepkit.manifests.scan import scan
from percepkit.manifests.table import write_manifest
from percepkit.synth.plan import draw_plan
from percepkit.synth.recipe import Recipe
from percepkit.synth.render import Renderer
from percepkit.synth.sources import Sources, load_sources

sys.path.append(str(Path(__file__).parent))

PATTERNS = {"speech": "{speaker}/*", "noise": "{class}/*", "rooms": "{group}/*"}


@dataclass
class World:
    """A recipe over sources of its own, and what it plans."""

    folder: Path
    recipe: Recipe
    sources: Sources
    roots: dict[str, Path]
    plan: pd.DataFrame
    render: Renderer

    @property
    def rows(self):
        return self.plan.to_dict("records")

    def items(self):
        return [(row, self.render(row)) for row in self.rows]


@pytest.fixture
def build(tmp_path):
    """Maker of worlds.

    ``speech``, ``noise`` and ``rooms`` map "label/name" to (samples, sample rate) or (samples, sample rate,
    subtype); all else are keys of the recipe. ``noise`` may also be a section of the recipe.
    """
    count = iter(range(1000))

    def make(speech, noise, rooms=None, **changes):
        folder = tmp_path / f"world{next(count)}"
        sections = {"speech": changes.pop("speech_section", {}), "rooms": changes.pop("rooms_section", {})}
        sections["noise"] = changes.pop("noise_section", {})
        roots = {}
        for name, sounds in (("speech", speech), ("noise", noise), ("rooms", rooms)):
            if sounds is None or "generated" in sounds:
                continue
            for label, (x, rate, *subtype) in sounds.items():
                path = folder / name / f"{label}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(path, x, rate, subtype=subtype[0] if subtype else "FLOAT")
            roots[name] = folder / name
            kind = "rir" if name == "rooms" else name
            with cluster.client(0) as client:
                table = scan(roots[name], kind=kind, root_name=name, pattern=PATTERNS[name], client=client)
            assert (table["status"] == "ok").all(), table["reason"].tolist()
            write_manifest(table, folder / f"{name}.parquet")
            sections[name] = {"manifest": f"{name}.parquet"} | sections[name]
        if noise is not None and "generated" in noise:
            sections["noise"] = noise
        content = {
            "name": "small", "seed": 1, "items": 4, "item_seconds": 1, "sample_rate": 16_000, "items_per_shard": 5,
            "snr_db": 0, "targets": [], "level_dbfs": -30, **{k: v for k, v in sections.items() if v}, **changes,
        }  # fmt: skip
        content["speech"] = {"pause_seconds": 0} | content["speech"]
        recipe = Recipe.model_validate(content)
        sources = load_sources(recipe, folder)
        return World(folder, recipe, sources, roots, draw_plan(recipe, sources), Renderer(recipe, roots))

    return make
