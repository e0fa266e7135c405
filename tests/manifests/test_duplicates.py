"""Copies: found in every form they are stored in, and nothing else is one."""

import numpy as np
import pandas as pd
import pytest
import soundfile

from percepkit.audio.files import read, write
from percepkit.audio.resampling import resample
from percepkit.dsp.fingerprint import fingerprint_of
from percepkit.engine.cluster import client
from percepkit.manifests import duplicates as module
from percepkit.manifests.demo import demo_folder
from percepkit.manifests.duplicates import find_duplicates, near_pairs
from percepkit.manifests.scan import scan
from percepkit.manifests.split import assign_splits, find_leaks, split_proof
from percepkit.manifests.table import contents

FORMS = {
    "8k.wav": (8000, "WAV", "PCM_16", None),
    "48k.flac": (48_000, "FLAC", "PCM_16", None),
    "a.mp3": (44_100, "MP3", "MPEG_LAYER_III", 0.9),
    "a.ogg": (44_100, "OGG", "VORBIS", 0.9),
    "a.opus": (48_000, "OGG", "OPUS", (256 - 24) / 250),
}


def store(path, x, rate, form):
    to_rate, container, subtype, compression = FORMS[form]
    options = {} if compression is None else {"compression_level": compression}
    y = np.clip(resample(x, rate, to_rate), -1, 1)
    with soundfile.SoundFile(path, "w", to_rate, 1, subtype, format=container, **options) as file:
        for first in range(0, len(y), 16_384):
            file.write(y[first : first + 16_384])


@pytest.fixture(scope="module")
def demo():
    """Utterances of the demo corpus, all of them different."""
    files = sorted((demo_folder() / "speech").rglob("*.flac"))
    return [read(file, channel=0) for file in files[:12]]


@pytest.fixture(scope="module")
def searched(demo, tmp_path_factory):
    """A folder of utterances, of which the first ones have copies, and what was found."""
    folder = tmp_path_factory.mktemp("copies")
    for i, (x, rate) in enumerate(demo):
        write(folder / f"{i:02}.wav", x, rate)
    for i, form in enumerate(FORMS):
        x, rate = demo[i]
        cut = x[round((0.05 + 0.05 * i) * rate) : len(x) - rate // 20]
        store(folder / f"{i:02} {form}", 10 ** (-3 * i / 20) * cut, rate, form)
    write(folder / "05 equal.flac", *demo[5])
    write(folder / "06 quiet.wav", 0.02 * demo[6][0], demo[6][1])
    noise = np.random.default_rng(0).standard_normal((2, 3 * 16_000))
    for i in range(2):
        write(folder / f"noise {i}.wav", 0.1 * noise[i], 16_000)
        write(folder / f"hum {i}.wav", 0.1 * np.sin(2 * np.pi * 50 * (i + 1) * np.arange(48_000) / 16_000), 16_000)
    (folder / "bad.wav").write_text("no audio")
    with client(0) as serial:
        table = scan(folder, kind="speech", root_name="v", client=serial)
        found = find_duplicates(table, {"v": folder}, client=serial)
    return folder, table, found


def test_every_form_is_found_and_nothing_else(searched):
    _, _, found = searched
    copies = found.dropna(subset=["duplicate_of"])
    assert found.attrs["notes"] == []
    group = contents(found)
    expected = [f"{i:02} {form}" for i, form in enumerate(FORMS)] + ["05 equal.flac", "06 quiet.wav"]
    assert group.notna().sum() == 2 * len(expected)
    for _, rows in found.groupby(group):
        assert len(rows) == 2
        assert rows["path"].str[:2].nunique() == 1
        assert rows["duplicate_of"].isna().sum() == 1
    assert len(copies) == len(expected)


def test_the_copy_with_the_most_bandwidth_then_the_longest_is_the_original(searched):
    _, _, found = searched
    rows = found.set_index("path")
    assert rows.loc["00 8k.wav", "duplicate_of"] == "v/00.wav"
    assert rows.loc["01 48k.flac", "duplicate_of"] == "v/01.wav"  # as much bandwidth, but trimmed
    assert rows.loc["05.wav", "duplicate_of"] == "v/05 equal.flac"  # equal in all: by name


def test_the_order_of_files_and_the_portions_of_keys_do_not_matter(searched, monkeypatch):
    folder, table, found = searched
    monkeypatch.setattr(module, "KEYS_AT_ONCE", 500)
    shuffled = table.sample(frac=1, random_state=0)
    with client(2, processes=False) as threads:
        again = find_duplicates(shuffled, {"v": folder}, client=threads)
    pd.testing.assert_series_equal(
        again.set_index("path")["duplicate_of"].sort_index(), found.set_index("path")["duplicate_of"].sort_index()
    )


def test_copies_are_one_unit_of_a_split(searched):
    _, _, found = searched
    labelled = found.assign(speaker=[f"s{i}" for i in range(len(found))])  # as if all were of different people
    split = assign_splits(labelled, {"train": 0.5, "test": 0.5}, seed=1)
    assert find_leaks(split) == []
    told_apart = split_proof(split)["told_apart_by"]
    assert told_apart["content"] == 7
    row = split.index[split["path"] == "00 8k.wav"][0]
    moved = split.assign(split=split["split"].where(split.index != row, "elsewhere"))
    assert find_leaks(moved)[0].startswith("content v/00.wav is in elsewhere (1 files)")
    apart = assign_splits(labelled.assign(duplicate_of=None), {"train": 0.5, "test": 0.5}, seed=1)
    assert contents(labelled).groupby(apart["split"]).nunique().sum() > 7  # without the column they would leak


def test_many_copies_are_one_group_through_their_neighbours(demo):
    x, rate = demo[0]
    prints = [
        fingerprint_of(resample(x[round(0.01 * i * rate) :], rate, 8000), 8000) for i in range(30)
    ]  # more than a bucket's neighbours
    others = [fingerprint_of(resample(y, rate, 8000), 8000) for y, rate in demo[1:]]
    pairs = near_pairs(prints + others)
    group = list(range(41))
    for a, b in pairs:
        assert b < 30, "an utterance was taken for another"
        group = [group[a] if g == group[b] else g for g in group]
    assert len(set(group[:30])) == 1
    assert near_pairs([]) == []


def test_a_short_file_is_compared_by_its_checksum_only(tmp_path, demo):
    x, rate = demo[0]
    short = x[rate // 2 : rate]
    write(tmp_path / "a.wav", short, rate)
    write(tmp_path / "b.flac", short, rate)
    write(tmp_path / "c.wav", 0.5 * short, rate)
    with client(0) as serial:
        table = scan(tmp_path, kind="noise", root_name="n", client=serial)
        found = find_duplicates(table, {"n": tmp_path}, client=serial)
        assert found["duplicate_of"].tolist() == [None, "n/a.wav", None]
        with pytest.raises(ValueError, match=r"no folder given for root 'n'; add --root n=FOLDER"):
            find_duplicates(table, {}, client=serial)
        rooms = find_duplicates(table.assign(kind="rir"), {"n": tmp_path}, client=serial)
        assert rooms["duplicate_of"].isna().all()
        (tmp_path / "c.wav").unlink()
        assert find_duplicates(table, {"n": tmp_path}, client=serial).attrs["notes"][0].startswith("c.wav: ")


def test_real_speech_has_no_false_copies(shared):
    """Two speakers of CMU ARCTIC, two of LibriSpeech, several sentences each."""
    with client(0) as serial:
        tables = [
            scan(shared / "corpus" / "speech" / name, kind="speech", root_name=name, client=serial)
            for name in ("arctic", "librispeech")
        ]
        roots = {name: shared / "corpus" / "speech" / name for name in ("arctic", "librispeech")}
        found = find_duplicates(pd.concat(tables, ignore_index=True), roots, client=serial)
    assert len(found) == 9
    assert found["duplicate_of"].isna().all()
