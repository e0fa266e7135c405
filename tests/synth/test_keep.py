"""Limits of a recipe: exactly the files within them are drawn from, and it is said what was left out."""

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from percepkit.cli.synth import app
from percepkit.manifests.table import COLUMNS, as_manifest, read_manifest, write_manifest
from percepkit.synth.keep import Keep, Limits, keep_files
from percepkit.synth.plan import draw_plan
from percepkit.synth.recipe import load_recipe
from percepkit.synth.sources import load_sources
from percepkit.synth.yaml_model import yaml_text

RECIPE = {
    "name": "a", "seed": 1, "items": 2, "item_seconds": 4, "sample_rate": 16_000,
    "speech": {"manifest": "speech.parquet"}, "noise": {"generated": ["white"]}, "snr_db": 5,
}  # fmt: skip


def rows(**columns):
    n = len(next(iter(columns.values())))
    return as_manifest(pd.DataFrame({"root_name": "v", "path": [f"{i}.wav" for i in range(n)], **columns}))


@given(
    st.lists(st.tuples(st.one_of(st.none(), st.floats(0, 5)), st.floats(0, 5)), min_size=1, max_size=12),
    st.one_of(st.none(), st.floats(0, 5)),
    st.floats(0, 5),
)
def test_kept_files_are_those_within_all_limits(values, low, high):
    table = rows(quality=[q for q, _ in values], duration=[d for _, d in values])
    if low is not None and low > high:
        low, high = high, low
    keep = Keep(quality=Limits(at_least=low, at_most=high), duration=Limits(at_most=high))
    expected = [
        f"{i}.wav"
        for i, (q, d) in enumerate(values)
        if q is not None and (low is None or q >= low) and q <= high and d <= high
    ]
    if not expected:
        with pytest.raises(ValueError, match=r"k leaves none of|column quality is empty"):
            keep_files(table, keep, "k")
        return
    kept = keep_files(table, keep, "k")
    assert kept.rows["path"].tolist() == expected
    assert kept.rows.index.tolist() == list(range(len(expected)))


def test_each_limit_is_counted_on_all_files():
    table = rows(quality=[1, 2, None, 4], duration=[1, 9, 9, 9])
    kept = keep_files(
        table, Keep(quality=Limits(at_least=2), duration=Limits(at_least=2, at_most=9)), "speech.keep"
    )
    assert kept.dropped == (
        "speech.keep.duration (at least 2 and at most 9) drops 1 of 4 files",
        "speech.keep.quality (at least 2) drops 2 of 4 files, 1 of them without a value",
    )
    with pytest.raises(ValueError) as caught:
        keep_files(table, Keep(quality=Limits(at_least=9), duration=Limits(at_most=1)), "noise.keep")
    assert str(caught.value) == (
        "noise.keep leaves none of 4 files: noise.keep.duration (at most 1) drops 3 of 4 files; "
        "noise.keep.quality (at least 9) drops 4 of 4 files, 1 of them without a value"
    )


def test_one_of_each_set_of_copies_remains_whatever_else_is_dropped():
    table = rows(
        duplicate_of=[None, "v/0.wav", "v/0.wav", None, "elsewhere/x", "elsewhere/x"], quality=[1, 2, 3, 3, 3, 3]
    )
    kept = keep_files(table, Keep(duplicates=False), "k")
    assert kept.rows["path"].tolist() == ["0.wav", "3.wav", "4.wav"]
    assert kept.dropped == ("k.duplicates drops 3 copies among the other files",)
    without = keep_files(table, Keep(duplicates=False, quality=Limits(at_least=2)), "k")  # the original is gone
    assert without.rows["path"].tolist() == ["1.wav", "3.wav", "4.wav"]
    assert len(keep_files(table, Keep(), "k").rows) == 6


def test_empty_columns_are_refused_with_the_remedy():
    table = rows(duration=[1, 2])
    with pytest.raises(ValueError, match=r"k\.quality: .*quality is empty; run `percepkit manifest score`"):
        keep_files(table, Keep(quality=Limits(at_least=1)), "k")
    with pytest.raises(ValueError, match=r"k\.dc_offset: .*dc_offset is empty; scan the folder again"):
        keep_files(table, Keep(dc_offset=Limits(at_most=1)), "k")


def test_limits_are_columns_of_a_manifest():
    assert set(Keep.model_fields) - {"duplicates"} <= set(COLUMNS)


@pytest.mark.parametrize(
    "change, message",
    [
        (
            {"speech": {"keep": {"loudness": {"at_least": 1}}}},
            r"unknown key `speech.keep.loudness`; known: duration, ",
        ),
        ({"speech": {"keep": {"quality": {"above": 1}}}}, r"unknown key .*above`; known: at_least, at_most"),
        ({"speech": {"keep": {"quality": {}}}}, r"`speech.keep.quality`: expected \{at_least: number\}"),
        ({"speech": {"keep": {"quality": {"at_least": 2, "at_most": 1}}}}, r"at_least <= at_most, found 2 and 1"),
        ({"noise": {"keep": {}, "generated": ["white"]}}, r"`keep` limits recordings: it needs `manifest`"),
        (
            {"layers": {"a": {"talkers": 1, "snr_db": 0, "keep": {}}}},
            r"`keep` limits recordings: it needs `manifest`",
        ),
    ],
)
def test_faults_are_named(tmp_path, change, message):
    recipe = {key: {**RECIPE[key], **value} if key == "speech" else value for key, value in change.items()}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(RECIPE | recipe))
    with pytest.raises(ValueError, match=message):
        load_recipe(tmp_path / "recipe.yaml")


@pytest.fixture
def graded(world, tmp_path):
    """The world's manifests with made-up qualities, and one recording that is a copy of another."""
    for name in ("speech", "noise", "rooms"):
        table = read_manifest(world / f"{name}.parquet")
        if name == "speech":
            table["quality"] = np.linspace(1, 5, len(table))
            table.loc[1, "duplicate_of"] = f"speech/{table['path'][0]}"
        write_manifest(table, tmp_path / f"{name}.parquet")
    return tmp_path


def test_only_what_is_kept_is_drawn_and_the_plan_says_what_was_dropped(graded, make_recipe):
    recipe = make_recipe(
        items=80,
        speech={"manifest": "speech.parquet", "keep": {"quality": {"at_least": 3}}},
        noise={"manifest": "noise.parquet", "keep": {"sample_rate": {"at_least": 16_000}}},
        layers={"knocks": {"manifest": "noise.parquet", "snr_db": 0, "keep": {"duration": {"at_most": 5}}}},
    )
    sources = load_sources(recipe, graded)
    table = read_manifest(graded / "speech.parquet")
    good = set(table["path"][table["quality"] >= 3])
    drawn = {segment["path"] for row in draw_plan(recipe, sources)["speech"] for segment in row}
    assert set(sources.speech.table["path"]) == good
    assert drawn <= good
    assert "street/short.wav" not in set(sources.noise.table["path"])
    assert "street/long.wav" not in set(sources.layers["knocks"].table["path"])
    (graded / "recipe.yaml").write_text(yaml_text(recipe))
    assert load_recipe(graded / "recipe.yaml") == recipe
    shown = CliRunner().invoke(app, ["plan", str(graded / "recipe.yaml")])
    assert shown.exit_code == 0, shown.output
    dropped = len(table) - len(good)
    assert shown.stdout.splitlines()[:3] == [
        f"speech.keep.quality (at least 3) drops {dropped} of {len(table)} files",
        "noise.keep.sample_rate (at least 16000) drops 1 of 3 files",
        "layers.knocks.keep.duration (at most 5) drops 1 of 3 files",
    ]


def test_copies_are_left_out_when_asked_and_errors_name_the_manifest(graded, make_recipe):
    def load(**keep):
        speech = {"manifest": "speech.parquet", "keep": keep}
        return load_sources(make_recipe(rooms=None, noise={"generated": ["pink"]}, speech=speech), graded)

    table = read_manifest(graded / "speech.parquet")
    assert set(table["path"]) - set(load(duplicates=False).speech.table["path"]) == {table["path"][1]}
    assert len(load().speech.table) == len(table)
    assert load().dropped == ()
    with pytest.raises(
        ValueError, match=rf"speech\.parquet: speech\.keep leaves none of {len(table)} files: .*at least 6"
    ):
        load(quality={"at_least": 6})
