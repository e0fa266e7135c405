"""Recipes: read back as written, and every fault named with its key."""

import pytest
import yaml

from percepkit.synth.recipe import load_recipe
from percepkit.synth.yaml_model import yaml_text

GOOD = {
    "name": "a", "seed": 1, "items": 2, "item_seconds": 4, "sample_rate": 16_000,
    "speech": {"manifest": "speech.parquet"}, "noise": {"generated": ["white"]}, "snr_db": {"choice": [0, 5]},
}  # fmt: skip


def written(tmp_path, content):
    path = tmp_path / "recipe.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def test_resolved_text_reads_back_as_the_same_recipe(tmp_path):
    recipe = load_recipe(written(tmp_path, GOOD))
    assert load_recipe(written(tmp_path, yaml_text(recipe))) == recipe
    assert recipe.n_samples == 64_000
    assert recipe.stems == ("noisy", "clean", "noise")


@pytest.mark.parametrize(
    "change, message",
    [
        ({"snr": 5}, "unknown key `snr`; known: .*snr_db"),
        ({"speech": {"manifest": "s", "gap": 1}}, "unknown key `speech.gap`; known: manifest, pause_seconds"),
        ({"noise": {"generated": ["green"]}}, "`noise`: unknown generated noise 'green': use one of white"),
        ({"noise": {}}, "`noise`: needs `manifest`"),
        ({"items": 0}, "`items`: .*greater than or equal to 1"),
        ({"snr_db": {"uniform": [3]}}, "`snr_db`: .*uniform: \\[low, high\\]"),
        ({"format_version": 2}, "`format_version`"),
        ({"name": "../up"}, "`name`"),
        ({"targets": ["gain"]}, "`targets.0`: .*erb_gains"),
    ],
)
def test_faults_are_named(tmp_path, change, message):
    path = written(tmp_path, GOOD | change)
    with pytest.raises(ValueError, match=message) as caught:
        load_recipe(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_missing_and_unreadable_files_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere\.yaml: no such recipe"):
        load_recipe(tmp_path / "nowhere.yaml")
    with pytest.raises(ValueError, match="not a YAML file"):
        load_recipe(written(tmp_path, "a: [1"))
    with pytest.raises(ValueError, match="table of keys and values, found list"):
        load_recipe(written(tmp_path, "- 1"))


def test_yaml_cannot_run_code(tmp_path):
    with pytest.raises(ValueError, match="not a YAML file"):
        load_recipe(written(tmp_path, "name: !!python/object/apply:os.system ['true']"))


def test_a_key_that_stands_twice_is_refused_with_its_lines(tmp_path):
    text = yaml_text(load_recipe(written(tmp_path, GOOD)))
    with pytest.raises(ValueError, match=r"key `seed` in line 2 stands again in line 3"):
        load_recipe(written(tmp_path, "name: a\nseed: 1\nseed: 2\n"))
    with pytest.raises(ValueError, match=r"key `manifest` in line 1 stands again in line 1"):
        load_recipe(written(tmp_path, "speech: {manifest: a, manifest: b}"))
    assert load_recipe(written(tmp_path, text)).seed == 1  # the same key in two sections is none
    merged = "base: &base {seed: 1}\nhere:\n  <<: *base\n  seed: 2\n"
    with pytest.raises(ValueError, match="unknown key `base`"):
        load_recipe(written(tmp_path, merged))
