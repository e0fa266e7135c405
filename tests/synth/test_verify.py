"""Verification finds what was changed, lost or added, and passes a sound corpus."""

import shutil

import numpy as np
import pytest

from percepkit.audio.files import read, write
from percepkit.engine import cluster
from percepkit.synth.corpus import open_corpus, shard_folder
from percepkit.synth.run import run_recipe
from percepkit.synth.sources import load_sources
from percepkit.synth.verify import verify_corpus


@pytest.fixture(scope="module")
def sound(make_recipe, world, roots, tmp_path_factory):
    recipe = make_recipe(items=6, items_per_shard=3)
    folder = tmp_path_factory.mktemp("verify") / "corpus"
    with cluster.client(0) as client:
        run_recipe(recipe, load_sources(recipe, world), folder, roots, client=client)
    return folder


@pytest.fixture
def corpus(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "corpus")


def problems(folder):
    with cluster.client(0) as client:
        return verify_corpus(open_corpus(folder), client=client)


def test_a_sound_corpus_passes(corpus):
    assert problems(corpus).empty


def test_changed_and_lost_audio_is_found(corpus):
    audio = shard_folder(corpus, 0) / "audio"
    x, rate = read(audio / "000001.noise.wav", channel=0)
    write(audio / "000001.noise.wav", 0.5 * x, rate)
    (shard_folder(corpus, 1) / "audio" / "000004.clean.wav").unlink()
    table = problems(corpus)
    assert table["item"].tolist() == [1, 4]
    assert table["problem"].tolist() == [
        "000001.noise.wav has changed since it was written", "000004.clean.wav is missing"
    ]  # fmt: skip


def test_lost_shards_and_damaged_targets_are_found(corpus):
    shutil.rmtree(shard_folder(corpus, 1))
    target = shard_folder(corpus, 0) / "targets" / "erb_gains.npy"
    np.save(target, np.load(target)[:-1])
    table = problems(corpus)
    assert table["problem"].tolist() == [
        "erb_gains.npy holds 602 frames, expected 603", "not rendered; resume with `percepkit synth run`"
    ]  # fmt: skip


@pytest.mark.parametrize("content", [b"", b"PAR1 and no more", None])
def test_a_damaged_table_of_a_shard_is_listed_beside_what_else_is_wrong(corpus, content):
    table = shard_folder(corpus, 0) / "items.parquet"
    table.write_bytes(table.read_bytes()[:-100] if content is None else content)
    (shard_folder(corpus, 1) / "audio" / "000004.clean.wav").unlink()
    found = problems(corpus)
    assert found["shard"].tolist() == [0, 1]
    assert found["problem"].tolist() == [
        "items.parquet is damaged; remove the shard's folder and run again, which resumes",
        "000004.clean.wav is missing",
    ]


def test_wrong_arithmetic_is_found_even_when_the_checksums_agree(corpus):
    from percepkit.engine.tables import read_table, write_table
    from percepkit.synth.run import checksum

    audio, items = shard_folder(corpus, 0) / "audio", shard_folder(corpus, 0) / "items.parquet"
    path = audio / "000002.noise.wav"
    x, rate = read(path, channel=0)
    write(path, 0.9 * x, rate)
    table = read_table(items, kind="items")
    table.loc[2, "checksum_noise"] = checksum(path.read_bytes())
    write_table(table, items, kind="items")
    found = problems(corpus)["problem"].tolist()
    assert any("noisy differs from speech + noise by" in text for text in found)
    assert any("SNR of the written stems is +0.9" in text for text in found)


def test_a_folder_that_is_no_corpus_is_refused(tmp_path):
    with pytest.raises(ValueError, match="not a corpus"):
        open_corpus(tmp_path)


def test_what_no_item_of_a_shard_has_is_no_difference(make_recipe, world, roots, tmp_path):
    # Columns that are empty in one shard and filled in another once had two types.
    recipe = make_recipe(items=8, items_per_shard=1, noise={"manifest": "noise.parquet", "generated": ["white"]})
    with cluster.client(0) as client:
        run_recipe(recipe, load_sources(recipe, world), tmp_path / "corpus", roots, client=client)
    corpus = open_corpus(tmp_path / "corpus")
    assert 0 < corpus.items["room"].notna().sum() < 8
    assert 0 < corpus.items["generated"].notna().sum() < 8
    assert problems(tmp_path / "corpus").empty


def test_changed_values_of_a_target_are_found(corpus):
    target = shard_folder(corpus, 0) / "targets" / "erb_gains.npy"
    gains = np.load(target)
    gains[201:402] = 1 - gains[201:402]
    np.save(target, gains)
    (shard_folder(corpus, 1) / "targets" / "pitch_period.npy").write_bytes(b"")
    table = problems(corpus)
    assert table["item"].tolist() == [1, -1]
    assert table["problem"].tolist() == [
        "erb_gains has changed since it was written", "pitch_period.npy is damaged"
    ]  # fmt: skip
