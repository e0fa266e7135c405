"""Plans: independent of order, covering, fair, and never the talker's own voice in the babble."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from percepkit.manifests.table import read_manifest, write_manifest
from percepkit.synth.plan import draw_plan
from percepkit.synth.sources import load_sources


@pytest.fixture(scope="module")
def drawn(world, make_recipe):
    recipe = make_recipe(items=600, item_seconds=4)
    sources = load_sources(recipe, world)
    return recipe, sources, draw_plan(recipe, sources)


@settings(max_examples=20)
@given(st.data())
def test_any_item_can_be_drawn_alone(drawn, data):
    recipe, sources, plan = drawn
    first = data.draw(st.integers(0, 590))
    count = data.draw(st.integers(1, 10))
    part = draw_plan(recipe, sources, first=first, count=count)
    pd.testing.assert_frame_equal(part, plan.iloc[first : first + count].reset_index(drop=True))


def test_adding_a_stage_changes_no_other_draw(drawn, make_recipe, world):
    _, _, plan = drawn
    bare = make_recipe(items=600, item_seconds=4, rooms=None)
    other = draw_plan(bare, load_sources(bare, world))
    same = ["item", "speaker", "speech", "noise_class", "noise", "noise_key", "snr_db", "level_dbfs"]
    pd.testing.assert_frame_equal(other[same], plan[same])
    assert other["room"].isna().all()


def test_seed_and_split_give_other_draws(drawn, make_recipe, world):
    _, sources, plan = drawn
    for change in ({"seed": 4}, {"split": "valid"}):
        other = draw_plan(make_recipe(items=600, item_seconds=4, **change), sources)
        assert np.mean(other["snr_db"] == plan["snr_db"]) < 0.01


def test_speech_is_of_one_speaker_inside_the_item_and_in_order(drawn):
    recipe, _, plan = drawn
    for row in plan.itertuples():
        ends = 0
        for segment in row.speech:
            assert segment["path"].split("/")[0] == row.speaker
            assert segment["at"] >= ends + 0.1 * recipe.sample_rate - 1
            ends = segment["at"] + segment["length"]
            assert segment["length"] > 0
        assert ends <= recipe.n_samples
        assert recipe.n_samples - ends < 2 * recipe.sample_rate
    assert plan["speaker"].nunique() == 8
    assert plan["speech"].map(len).max() > 1


def test_segments_stay_inside_their_files(drawn, world):
    _, _, plan = drawn
    frames = pd.concat([read_manifest(world / f"{n}.parquet") for n in ("speech", "noise")])
    frames = frames.set_index(["root_name", "path"])["frames"]
    for column in ("speech", "noise"):
        for segment in (s for row in plan[column] for s in row):
            assert segment["start"] >= 0
            assert segment["start"] + segment["frames"] <= frames[segment["root_name"], segment["path"]]


def test_noise_covers_the_item_without_gaps(drawn):
    recipe, _, plan = drawn
    for row in plan[plan["noise_kind"] == "file"].itertuples():
        covered = 0
        for segment in row.noise:
            assert segment["at"] <= covered
            covered = segment["at"] + segment["length"]
        assert covered == recipe.n_samples
        assert row.noise[0]["at"] == 0


def test_classes_are_equally_likely_and_choices_too(drawn):
    _, _, plan = drawn
    shares = plan["noise_class"].value_counts(normalize=True)
    assert set(shares.index) == {"street", "kitchen", "pink", "babble", "keyboard"}
    assert (shares - 0.2).abs().max() < 0.06
    assert plan["room"].notna().mean() == pytest.approx(0.5, abs=0.07)
    assert plan["snr_db"].between(-5, 20).all()


def test_babble_never_holds_the_talker(drawn):
    _, _, plan = drawn
    babble = plan[plan["generated"] == "babble"]
    assert len(babble) > 50
    for row in babble.itertuples():
        assert len(row.noise) == 6
        assert row.speaker not in {segment["path"].split("/")[0] for segment in row.noise}


def test_files_without_a_speaker_are_joined_with_themselves_only(world, make_recipe, tmp_path):
    table = read_manifest(world / "speech.parquet").assign(speaker=None)
    write_manifest(table, tmp_path / "speech.parquet")
    recipe = make_recipe(items=100, item_seconds=8, rooms=None, noise={"generated": ["white"]})
    plan = draw_plan(recipe, load_sources(recipe, tmp_path))
    assert plan["speaker"].isna().all()
    assert all(len({segment["path"] for segment in row}) == 1 for row in plan["speech"])
    assert plan["speech"].map(len).min() > 1


def test_babble_of_one_talker_is_refused(world, make_recipe, tmp_path):
    table = read_manifest(world / "speech.parquet")
    write_manifest(table[table["speaker"] == table["speaker"].iloc[0]], tmp_path / "speech.parquet")
    recipe = make_recipe(rooms=None, noise={"generated": ["babble"]})
    with pytest.raises(ValueError, match=r"noise: babble and talkers need the voices of other speakers"):
        load_sources(recipe, tmp_path)


def test_empty_and_missing_manifests_name_the_key(world, make_recipe, tmp_path):
    table = read_manifest(world / "speech.parquet")
    write_manifest(table.iloc[:0], tmp_path / "speech.parquet")
    recipe = make_recipe(rooms=None, noise={"generated": ["white"]})
    with pytest.raises(ValueError, match=r"speech.parquet: no usable file .*recipe key speech.manifest"):
        load_sources(recipe, tmp_path)
    write_manifest(table, tmp_path / "speech.parquet")
    with pytest.raises(ValueError, match=r"noise\.parquet"):
        load_sources(make_recipe(), tmp_path)
