"""A small corpus to train on."""

from pathlib import Path

import pytest

from percepkit.engine import cluster
from percepkit.manifests.demo import demo_folder
from percepkit.synth.run import run_recipe
from percepkit.synth.sources import load_sources
from percepkit.synth.yaml_model import yaml_text

TINY = """
name: tiny
seed: 5
sample_rate: 16000
features: {features}
model: {{name: {model}, options: {options}}}
objective: {objective}
loss: {loss}
data: {{corpus: corpus, valid_corpus: corpus, valid_items: 3}}
metrics: [si_sdr]
epochs: 2
batch_size: 3
sequence_seconds: 0.8
checkpoint_steps: 1
optimiser: {{learning_rate: 0.003}}
"""


@pytest.fixture(scope="session")
def training(world, make_recipe, tmp_path_factory) -> Path:
    """Folder with a recipe (``tiny.yaml``, ``*.parquet``) and its corpus of 8 items of 1 s."""
    folder = tmp_path_factory.mktemp("training")
    for file in world.glob("*.parquet"):
        (folder / file.name).write_bytes(file.read_bytes())
    recipe = make_recipe(
        items=8, item_seconds=1, items_per_shard=4, rooms=None, snr_db=5, noise={"generated": ["white", "pink"]},
        targets=["erb_gains", "vad"],
    )  # fmt: skip
    (folder / "recipe.yaml").write_text(yaml_text(recipe))
    roots = {"speech": demo_folder() / "speech"}
    with cluster.client(0) as serial:
        run_recipe(recipe, load_sources(recipe, folder), folder / "corpus", roots, client=serial)
    return folder


@pytest.fixture(scope="session")
def tiny_config(training):
    """Maker of configurations of tiny networks, as files beside the corpus."""

    def make(name="tiny", features="rnnoise", model="rnnoise", options="{widths: [8, 8, 8]}",
             objective="gains-vad", loss="percepnet-2020", more=""):  # fmt: skip
        text = TINY.format(features=features, model=model, options=options, objective=objective, loss=loss)
        path = training / f"{name}.config.yaml"
        path.write_text(text + more)
        return path

    return make
