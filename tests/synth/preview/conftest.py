"""A preview of a recipe that asks for everything, with one source gone bad."""

from types import SimpleNamespace

import numpy as np
import pytest

from percepkit.audio.files import write
from percepkit.manifests.table import read_manifest, write_manifest
from percepkit.synth.preview.page import write_preview
from percepkit.synth.sources import load_sources

CLASS = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="session")
def rich(make_recipe):
    """Layers, rooms with further targets, and degradations of everything."""
    return make_recipe(
        items=9, item_seconds=1,
        noise={"manifest": "noise.parquet", "generated": ["pink"], "course_db": {"uniform": [-3, 3]}},
        layers={
            "rival": {"talkers": 1, "snr_db": {"uniform": [5, 20]}},
            "knocks": {"manifest": "noise.parquet", "events": 2, "snr_db": 4},
        },
        rooms={"manifest": "rooms.parquet", "share": 0.7, "target": "early", "also": ["dry", "reverberant"]},
        degradations=[
            {"kind": "random_filter", "to": "speech", "target": True, "parameters": {"r1": 0.3}},
            {"kind": "equaliser", "to": "noise", "parameters": {"gain_db": 6}},
            {"kind": "clipping", "to": "mixture", "parameters": {"sdr_db": 12}},
        ],
        targets=["erb_gains", "comb_strengths", "pitch_period", "vad", "irm", "cirm", "log_magnitude"],
    )  # fmt: skip


@pytest.fixture(scope="session")
def preview(world, roots, rich, tmp_path_factory):
    """Folder, recipe and items; class names of the noise are HTML, and the last item's room is silent."""
    folder = tmp_path_factory.mktemp("preview")
    table = read_manifest(world / "noise.parquet")
    table["class"] = CLASS
    for name in ("speech", "rooms"):
        write_manifest(read_manifest(world / f"{name}.parquet"), folder / f"{name}.parquet")
    write_manifest(table, folder / "noise.parquet")
    silent = folder / "silent"
    silent.mkdir()
    for path in roots["rooms"].iterdir():
        write(silent / path.name, np.zeros(6000, np.float32), 16_000)
    sources = load_sources(rich, folder)
    good = write_preview(rich, sources, roots, folder / "out", numbers=[0, 1, 2])
    first_placed = next(
        item.item for item in good if any(fact.label == "Room" and fact.drawn != "none" for fact in item.facts)
    )
    bad = write_preview(
        rich, sources, roots | {"rooms": silent}, folder / "bad", numbers=[first_placed, 0, 1, 2, 3, 4, 5]
    )
    return SimpleNamespace(folder=folder, sources=sources, recipe=rich, good=good, bad=bad)
