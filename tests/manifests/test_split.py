"""Splits: nothing is in two of them, shares are kept, and leaks are named."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from percepkit.cli.manifest import app
from percepkit.manifests.split import assign_splits, find_leaks, split_proof
from percepkit.manifests.table import as_manifest, read_manifest, write_manifest
from percepkit.synth.sources import load_sources

SHARES = {"train": 0.8, "valid": 0.1, "test": 0.1}


def manifest(speakers, *, seed=0, files=5, unlabelled=0, **columns):
    """A table of speech: ``files`` of each speaker, and folders of files without labels."""
    rng = np.random.default_rng(seed)
    rows = [(f"s{s:03d}", f"s{s:03d}/{f}.wav") for s in range(speakers) for f in range(files)]
    rows += [(None, f"crowd{d}/{f}.wav") for d in range(unlabelled) for f in range(files)]
    table = pd.DataFrame(rows, columns=["speaker", "path"])
    table["duration"] = rng.uniform(1, 10, len(table))
    table["hash"] = [f"{i:032x}" for i in range(len(table))]
    return as_manifest(table.assign(kind="speech", root_name="voices", status="ok", **columns))


@settings(max_examples=25)
@given(st.integers(3, 60), st.integers(0, 4), st.integers(0, 1000))
def test_no_split_shares_anything_and_every_file_has_one(speakers, unlabelled, seed):
    table = manifest(speakers, unlabelled=unlabelled, seed=seed)
    rng = np.random.default_rng(seed)
    twins = rng.integers(0, len(table), 3)
    table.loc[twins, "hash"] = table["hash"].iloc[0]
    table.loc[rng.integers(0, len(table), 4), "group"] = "session"
    try:
        split = assign_splits(table, SHARES, seed=seed)
    except ValueError as error:
        assert "independent units cannot fill 3 splits" in str(error)  # noqa: PT017
        return
    assert split["split"].isin(SHARES).all()
    assert set(split["split"]) == set(SHARES)
    assert find_leaks(split) == []
    for relation in ("speaker", "hash", "group"):
        assert split.dropna(subset=[relation]).groupby(relation)["split"].nunique().max() == 1
    folders = split[split["speaker"].isna()]["path"].str.split("/").str[0]
    if len(folders):
        assert split.loc[folders.index].groupby(folders)["split"].nunique().max() == 1


def test_shares_are_those_of_the_length():
    split = assign_splits(manifest(500), SHARES, seed=1)
    hours = split.groupby("split")["duration"].sum() / split["duration"].sum()
    for name, share in SHARES.items():
        assert hours[name] == pytest.approx(share, abs=0.005)


def test_more_files_move_few_of_the_others():
    table = manifest(200)
    before = assign_splits(table, SHARES, seed=1)
    more = pd.concat([table, manifest(210).iloc[len(table) :]], ignore_index=True)
    after = assign_splits(more, SHARES, seed=1).iloc[: len(table)]
    assert (before["split"].to_numpy() != after["split"].to_numpy()).mean() < 0.06
    other = assign_splits(table, SHARES, seed=2)
    assert (before["split"] != other["split"]).mean() > 0.1
    shuffled = assign_splits(table.sample(frac=1, random_state=1), SHARES, seed=1).set_index("path")["split"]
    assert (before.set_index("path")["split"] == shuffled.loc[before["path"]]).all()


def test_bad_files_have_no_split_and_bad_shares_are_refused():
    table = manifest(10)
    table.loc[3, "status"] = "silent"
    assert pd.isna(assign_splits(table, SHARES, seed=1)["split"][3])
    for shares in ({}, {"train": 0.5, "test": 0.4}, {"train": 1.5, "test": -0.5}):
        with pytest.raises(ValueError, match="shares must be above 0 and sum to 1"):
            assign_splits(table, shares, seed=1)
    with pytest.raises(ValueError, match="1 independent units cannot fill 3 splits; label speakers"):
        assign_splits(manifest(0, unlabelled=1), SHARES, seed=1)


def test_leaks_are_named():
    table = manifest(4, split="train")
    table.loc[table["speaker"] == "s003", "split"] = "test"
    assert find_leaks(table) == []
    table.loc[0, "split"] = "test"
    table.loc[7, "hash"] = table["hash"].iloc[16]
    leaks = find_leaks(table)
    assert leaks[0] == "speaker s000 is in test (1 files) and train (4 files)"
    assert leaks[1].startswith("audio 0000")
    assert split_proof(table)["in_more_than_one_split"] == leaks


def test_the_command_writes_manifests_and_proof(world, make_recipe, tmp_path):
    for name in ("speech", "noise", "rooms"):
        write_manifest(read_manifest(world / f"{name}.parquet"), tmp_path / f"{name}.parquet")
    file, proof = tmp_path / "speech.parquet", tmp_path / "proof.json"
    command = ["split", str(file), "--shares", "train=0.75,test=0.25", "--proof", str(proof)]
    shown = CliRunner().invoke(app, command)
    assert shown.exit_code == 0, shown.output
    assert "train: " in shown.stdout
    found = json.loads(proof.read_text())
    assert found["in_more_than_one_split"] == []
    assert found["splits"]["train"]["speakers"] + found["splits"]["test"]["speakers"] == 8
    assert CliRunner().invoke(app, ["split", str(file), "--check"]).exit_code == 0
    speakers = {}
    for split in ("train", "test"):
        recipe = make_recipe(split=split, rooms=None, noise={"generated": ["pink"]})
        speakers[split] = set(load_sources(recipe, tmp_path).speech.table["speaker"])
    assert not speakers["train"] & speakers["test"]
    with pytest.raises(ValueError, match=r"no files of split 'valid'.*it has: test, train"):
        load_sources(make_recipe(split="valid", rooms=None), tmp_path)
    # A division made by hand that leaks is refused by name, by the command and by a recipe.
    table = read_manifest(file)
    table.loc[0, "split"] = "test" if table["split"][0] == "train" else "train"
    write_manifest(table, file)
    refused = CliRunner().invoke(app, ["split", str(file), "--check"])
    assert refused.exit_code == 1
    assert f"speaker {table['speaker'][0]} is in" in refused.stdout
    with pytest.raises(ValueError, match=f"its splits leak: speaker {table['speaker'][0]}"):
        load_sources(make_recipe(split="train", rooms=None), tmp_path)
    assert "expected NAME=SHARE" in str(CliRunner().invoke(app, ["split", str(file), "--shares", "x"]).exception)
