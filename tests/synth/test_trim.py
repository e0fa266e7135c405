"""Recordings with long silent ends, drawn from where their sound is."""

import numpy as np
import pytest

from percepkit.dsp.draws import key_of, normal_samples
from percepkit.manifests.table import read_manifest, write_manifest
from percepkit.synth.plan import draw_plan
from percepkit.synth.sources import load_sources

RATE = 16_000
STREET = {"c/street": (0.1 * normal_samples(key_of("street"), 4 * RATE), RATE)}


def word(name, before, during, after):
    """Sound with silence around it."""
    sound = 0.1 * normal_samples(key_of(name), round(during * RATE))
    return np.concatenate([np.zeros(round(before * RATE)), sound, np.zeros(round(after * RATE))]), RATE


@pytest.fixture
def words():
    return {"a/1": word("a1", 1.5, 0.5, 2), "a/2": word("a2", 0, 0.7, 3), "b/1": word("b1", 2, 0.6, 0)}


def talking(world):
    stems = [world.render(row) for row in world.plan.to_dict("records")]
    return np.mean([np.abs(item.speech if item.speech is not None else item.clean) > 1e-5 for item in stems])


@pytest.mark.parametrize("trim", [False, True])
def test_silent_ends_are_drawn_or_left_out(build, words, trim):
    world = build(words, STREET, items=40, item_seconds=3, speech_section={"trim": trim})
    share = talking(world)
    assert share > 0.8 if trim else share < 0.4
    if trim:
        table = read_manifest(world.folder / "speech.parquet").set_index("path")
        for segment in (s for row in world.plan["speech"] for s in row):
            file = table.loc[segment["path"]]
            assert segment["start"] >= round(file["active_start"] * RATE)
            assert segment["start"] + segment["frames"] <= round(file["active_end"] * RATE)


def test_voices_of_babble_and_layers_are_trimmed_too(build, words):
    layers = {"rival": {"talkers": 1, "snr_db": 0}}
    world = build(
        words, {"generated": ["babble"]}, items=10, item_seconds=2, speech_section={"trim": True}, layers=layers
    )
    starts = {"a/1.wav": 1.44, "a/2.wav": 0, "b/1.wav": 1.94}
    for row in world.plan.itertuples():
        assert len(row.noise) == 6
        for segment in (*row.noise, *row.layers[0]["noise"]):
            assert segment["start"] == round(starts[segment["path"]] * RATE)


def test_a_manifest_that_does_not_know_is_refused(build, words):
    world = build(words, STREET, speech_section={"trim": True})
    table = read_manifest(world.folder / "speech.parquet")
    write_manifest(table.assign(active_end=np.nan), world.folder / "speech.parquet")
    with pytest.raises(ValueError, match=r"speech\.parquet: does not say where .*speech\.trim.*manifest scan"):
        load_sources(world.recipe, world.folder)


def test_items_drawn_without_trim_stay_as_they_were(build, words):
    world = build(words, STREET, items=20, item_seconds=3)
    table = read_manifest(world.folder / "speech.parquet")
    write_manifest(table.assign(active_start=np.nan, active_end=np.nan), world.folder / "speech.parquet")
    assert draw_plan(world.recipe, load_sources(world.recipe, world.folder)).equals(world.plan)


def test_files_with_hardly_any_sound_are_told_of_and_left_out(build, words):
    world = build(words | {"b/2": word("b2", 1, 0.1, 1)}, STREET, speech_section={"trim": True})
    sources = load_sources(world.recipe, world.folder)
    assert sources.dropped == ("speech.manifest: 1 of 4 files have less than 0.25 s of sound (speech.trim)",)
    assert sorted(sources.speech.table["path"]) == ["a/1.wav", "a/2.wav", "b/1.wav"]


def test_files_too_short_to_draw_from_are_told_of_and_left_out(build, words):
    world = build(words | {"b/2": word("b2", 0, 0.2, 0)}, STREET | {"c/click": (np.ones(RATE // 20), RATE)})
    assert world.sources.dropped == (
        "speech.manifest: 1 of 4 files are shorter than 0.25 s",
        "noise.manifest: 1 of 2 files are shorter than 0.1 s",
    )
    assert sorted(world.sources.speech.table["path"]) == ["a/1.wav", "a/2.wav", "b/1.wav"]
    assert world.sources.noise.table["path"].tolist() == ["c/street.wav"]


def test_a_manifest_without_sound_to_draw_is_refused(build, words):
    world = build(words, STREET, speech_section={"trim": True})
    table = read_manifest(world.folder / "speech.parquet")
    write_manifest(table.assign(active_end=table["active_start"] + 0.2), world.folder / "speech.parquet")
    with pytest.raises(ValueError, match=r"3 of 3 files have less than 0\.25 s of sound .*use longer recordings"):
        load_sources(world.recipe, world.folder)
