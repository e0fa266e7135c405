import pandas as pd
import pytest
from typer.testing import CliRunner

from percepkit.cli.manifest import app
from percepkit.dsp.noise import generate, parse_noise
from percepkit.manifests.generated import generated_rows
from percepkit.manifests.split import find_leaks
from percepkit.manifests.table import read_manifest, write_manifest
from percepkit.synth.plan import draw_plan
from percepkit.synth.render import Renderer
from percepkit.synth.sources import load_sources

LOW_HUM = "hum(frequency_hz=50, decay_db=12)"


@pytest.mark.parametrize(
    "text, message",
    [
        ("green", "unknown generated noise 'green': use one of white, .*or babble"),
        ("hum(pitch=3)", r"write hum\(name=value, ...\); names: frequency_hz, decay_db"),
        ("hum(frequency_hz=55)", "frequency_hz is 50 or 60"),
        ("hum(decay_db=loud)", "could not convert"),
        ("hum(decay_db=5", r"write hum\(name=value"),
        ("babble(voices=3)", "names: none"),
    ],
)
def test_wrong_noises_are_named(text, message):
    with pytest.raises(ValueError, match=message):
        parse_noise(text)


def test_command_lists_noises_that_a_recipe_draws_beside_recordings(world, roots, make_recipe, tmp_path):
    arguments = ["generate", LOW_HUM, "wind", "--class", "weather and mains", "--out", str(tmp_path / "g.parquet")]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    table = read_manifest(tmp_path / "g.parquet")
    assert table["class"].unique().tolist() == ["weather and mains"]
    write_manifest(read_manifest(world / "noise.parquet"), tmp_path / "noise.parquet")
    write_manifest(read_manifest(world / "speech.parquet"), tmp_path / "speech.parquet")
    noise = {"manifest": ["noise.parquet", "g.parquet"]}
    recipe = make_recipe(items=60, item_seconds=1, rooms=None, noise=noise)
    sources = load_sources(recipe, tmp_path)
    assert sources.roots == {"speech", "noise"}
    plan = draw_plan(recipe, sources)
    assert set(plan["noise_class"]) == {"street", "kitchen", "weather and mains"}
    assert set(plan["generated"].dropna()) == {LOW_HUM, "wind"}
    row = plan[plan["generated"] == LOW_HUM].iloc[0]
    item = Renderer(recipe, roots)(row)
    hum = generate("hum", 16_000, 16_000, int(row["noise_key"], 16), {"frequency_hz": 50, "decay_db": 12})
    scale = (item.noise @ hum) / (hum @ hum)
    assert abs(item.noise - scale * hum).max() < 1e-5 * abs(item.noise).max()


def test_generated_noises_belong_to_every_split(world, make_recipe, tmp_path):
    speech, noise = (read_manifest(world / f"{name}.parquet") for name in ("speech", "noise"))
    write_manifest(speech.assign(split="train"), tmp_path / "speech.parquet")
    noise["split"] = noise["path"].map(lambda path: "train" if "long" in path else "test")
    write_manifest(noise.assign(group=None), tmp_path / "noise.parquet")
    write_manifest(generated_rows(["rain"]), tmp_path / "g.parquet")
    joined = pd.concat([read_manifest(tmp_path / "noise.parquet"), read_manifest(tmp_path / "g.parquet")])
    assert not find_leaks(joined)
    recipe = make_recipe(rooms=None, noise={"manifest": ["noise.parquet", "g.parquet"]}, split="train")
    assert load_sources(recipe, tmp_path).noise.classes == ["rain", "street"]


def test_events_and_lone_babble_are_refused(world, make_recipe, tmp_path):
    write_manifest(generated_rows(["babble"]), tmp_path / "g.parquet")
    speech = read_manifest(world / "speech.parquet")
    write_manifest(speech, tmp_path / "speech.parquet")
    layer = {"manifest": "g.parquet", "events": 2, "snr_db": 0}
    recipe = make_recipe(rooms=None, noise={"generated": ["pink"]}, layers={"taps": layer})
    with pytest.raises(ValueError, match=r"layers\.taps: events are pieces of recordings"):
        load_sources(recipe, tmp_path)
    write_manifest(speech[speech["speaker"] == speech["speaker"].iloc[0]], tmp_path / "speech.parquet")
    recipe = make_recipe(rooms=None, noise={"manifest": "g.parquet"})
    with pytest.raises(ValueError, match="noise: babble and talkers need the voices of other speakers"):
        load_sources(recipe, tmp_path)
