from pathlib import Path

import pytest

import percepkit.baselines.dnn
from percepkit.baselines.dnn.config import load_config
from percepkit.synth.recipe import load_recipe
from percepkit.synth.room_bank import load_bank
from percepkit.synth.yaml_model import yaml_text

CONFIGS = Path(percepkit.baselines.dnn.__file__).parent / "configs"

GOOD = {
    "name": "x", "seed": 1, "sample_rate": 16_000, "features": "rnnoise", "model": "rnnoise",
    "objective": "gains", "loss": "mse", "data": {"corpus": "c", "valid_corpus": "v"}, "epochs": 1,
}  # fmt: skip


def load(tmp_path, **changes):
    path = tmp_path / "x.yaml"
    content = GOOD | changes
    path.write_text("\n".join(f"{key}: {value}" for key, value in content.items()).replace("'", ""))
    return load_config(path)


def test_names_stand_for_parts_and_losses_without_options(tmp_path):
    config = load(tmp_path)
    assert config.model.name == "rnnoise"
    assert config.model.options == {}
    assert config.loss == {"mse": 1.0}


def test_what_is_written_back_says_the_same(tmp_path):
    config = load(tmp_path, loss="{mse: 2, log-mse: 0.5}", model="{name: rnnoise, options: {widths: [8, 8, 8]}}")
    path = tmp_path / "again.yaml"
    path.write_text(yaml_text(config))
    assert load_config(path) == config


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": "cepstra"}, r"`features`: no cepstra; choose from percepnet, rnnoise"),
        ({"features": "{name: rnnoise, options: {order: 3}}"}, r"`features`: .*do not take these options"),
        ({"model": "transformer"}, r"`model`: no transformer; choose from crn, percepnet"),
        ({"objective": "smile"}, r"`objective`: no smile; choose from ibm"),
        ({"loss": "{mse: 1, mae: 1}"}, r"`loss`: no mae; choose from estoi, log-mse, mse"),
        ({"loss": "{mse: -1}"}, r"`loss\.mse`: Input should be greater than 0"),
        ({"epochs": 0}, r"`epochs`: Input should be greater than or equal to 1"),
        ({"epoch": 3}, r"unknown key `epoch`; known: format_version, name"),
        ({"optimiser": "{rate: 1}"}, r"unknown key `optimiser\.rate`; known: name, learning_rate"),
        ({"stopping": "{metric: pesq_wb}"}, r"`stopping\.metric`: no pesq_wb; choose from loss, si_sdr"),
        ({"data": "{valid_corpus: v}"}, r"`data`: give either `corpus`, a rendered one, or `recipe`"),
        ({"data": "{corpus: c, recipe: r, valid_corpus: v}"}, r"`data`: give either `corpus`"),
        ({"precision": "int8"}, r"`precision`: Input should be 'float32', 'bf16' or 'fp16'"),
    ],
)
def test_errors_name_the_key(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        load(tmp_path, **changes)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"none\.yaml: no such training configuration"):
        load_config(tmp_path / "none.yaml")


def test_committed_configurations_fit_their_recipes():
    files = [path for path in CONFIGS.glob("*.yaml") if not path.stem.endswith(("_16k", "_48k", "_test"))]
    assert {path.stem for path in files} == {"crn", "rnnoise", "percepnet", "percepnet_small"}
    for config in map(load_config, files):
        khz = config.sample_rate // 1000
        train, valid = (load_recipe(CONFIGS / f"{name}_{khz}k.yaml") for name in ("train", "valid"))
        rooms = load_bank(CONFIGS / f"rooms_{khz}k.yaml")
        assert (train.sample_rate, valid.sample_rate, rooms.sample_rate) == (config.sample_rate,) * 3
        assert (train.split, valid.split) == ("train", "valid")
        assert config.data.corpus == f"train_{khz}k"
        assert config.data.valid_corpus == f"valid_{khz}k"
        apart = {name: getattr(train, name) for name in ("name", "seed", "split", "items")}
        assert train.seed != valid.seed
        assert valid.model_copy(update=apart) == train


def test_networks_and_losses_of_the_committed_configurations_fit():
    pytest.importorskip("torch", reason="PyTorch is not installed (extra dnn)")
    from percepkit.baselines.dnn.system import System

    known = {"crn": 77_472, "rnnoise": 90_219, "percepnet_small": 1_014_212, "percepnet": 7_962_564}
    for name, weights in known.items():
        system = System(load_config(CONFIGS / f"{name}.yaml"))
        assert sum(parameter.numel() for parameter in system.model.parameters()) == weights
        recipe = load_recipe(CONFIGS / f"train_{system.features.sample_rate // 1000}k.yaml")
        if name != "crn":  # whose targets are made of the stems
            assert set(system.objective.stored) <= set(recipe.targets)
