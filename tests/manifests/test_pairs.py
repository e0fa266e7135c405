"""Tables of pairs: who belongs to whom, how they lie, and what has no partner."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from percepkit.audio.files import read, write
from percepkit.cli.manifest import app
from percepkit.dsp.alignment import advance
from percepkit.engine import cluster
from percepkit.manifests.demo import demo_folder
from percepkit.manifests.pairs import COLUMNS, match_pairs, measure_pairs, read_pairs, write_pairs
from percepkit.manifests.scan import scan
from percepkit.manifests.table import as_manifest, write_manifest

RATE = 16_000


def manifest(*paths, root="data", **columns):
    return as_manifest(
        pd.DataFrame({"path": paths, "root_name": root, "kind": "speech", "status": "ok"} | columns)
    )


def test_equal_paths_are_pairs_and_suffixes_do_not_count():
    pairs = match_pairs(manifest("a/1.wav", "a/2.wav", "b/1.wav"), manifest("b/1.flac", "a/1.wav", root="other"))
    assert list(pairs.columns) == list(COLUMNS)
    assert pairs[["clean_path", "noisy_path", "status"]].values.tolist() == [
        ["a/1.wav", "a/1.wav", "ok"], ["b/1.wav", "b/1.flac", "ok"], ["a/2.wav", None, "unmatched"],
    ]  # fmt: skip
    assert pairs["noisy_root_name"].tolist()[:2] == ["other", "other"]
    assert pairs.loc[2, "reason"] == "a/2.wav: there is no noisy file to it"


def test_one_manifest_holds_both_sides_and_a_clean_file_several_noisy_ones():
    both = manifest("f1_s1_clean.wav", "f1_s1_ipad_office.wav", "f1_s1_phone.wav", "f2_s1_ipad.wav", "read.me")
    pairs = match_pairs(both, both, by=("{speaker}_{script}_clean.*", "{speaker}_{script}_*"))
    assert pairs[["name", "clean_path", "noisy_path", "status"]].values.tolist() == [
        ["f1 s1", "f1_s1_clean.wav", "f1_s1_ipad_office.wav", "ok"],
        ["f1 s1", "f1_s1_clean.wav", "f1_s1_phone.wav", "ok"],
        ["f2 s1", None, "f2_s1_ipad.wav", "unmatched"],
    ]


def test_patterns_must_tell_who_belongs_to_whom():
    table = manifest("a_1.wav", "a_2.wav")
    with pytest.raises(ValueError, match=r"no placeholder is in both"):
        match_pairs(table, table, by=("{clean}_1.wav", "{noisy}_2.wav"))
    with pytest.raises(ValueError, match=r"'a_1.wav' and 'a_2.wav' are both the clean file 'a'"):
        match_pairs(table, manifest("a.wav"), by=("{name}_*", "{name}.*"))
    with pytest.raises(ValueError, match=r"unknown placeholder '\{\}'"):
        match_pairs(table, table, by=("{}", "{name}"))


def test_labels_come_from_both_and_contradictions_are_told():
    clean = manifest("1.wav", "2.wav", "3.wav", speaker=["anna", "ben", None], split=["train", "train", None])
    noisy = manifest(
        "1.wav", "2.wav", "3.wav", root="b", speaker=[None, "carl", "dora"], split="train", **{"class": "cafe"}
    )
    pairs = match_pairs(clean, noisy)
    assert pairs["speaker"].tolist() == ["anna", "ben", "dora"]
    assert pairs["status"].tolist() == ["ok", "conflict", "ok"]
    assert pairs.loc[1, "reason"] == "2.wav: speaker 'carl', but 'ben' of 2.wav"
    assert pairs["class"].tolist() == ["cafe"] * 3
    clean.loc[0, ["status", "reason"]] = ["silent", "1.wav: silent"]
    assert match_pairs(clean, noisy)["status"].tolist() == ["silent", "conflict", "ok"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Clean speech, and of it: a mix, a late turned copy, a re-recording, and somebody else."""
    folder = tmp_path_factory.mktemp("pairs")
    (folder / "clean").mkdir()
    (folder / "noisy").mkdir()
    rng = np.random.default_rng(0)
    files = sorted((demo_folder() / "speech").rglob("*.flac"))
    voices = [read(file, channel=0)[0][::3][: 3 * RATE].astype(float) for file in files[:2]]
    clean, rate = voices[0], RATE
    noise = rng.standard_normal(len(clean))
    noise *= np.sqrt(np.sum(clean**2) / np.sum(noise**2)) / np.sqrt(10)  # 10 dB
    t = np.arange(4000)
    room = np.where(t > 60, 0.05, 0) * rng.standard_normal(4000) * np.exp(-t / 1000)
    room[0] = 1
    noisy = {
        "mix": clean + noise,
        "late": np.concatenate([np.zeros(123), -0.5 * clean]),
        "fraction": advance(clean, -40.5, len(clean) + 100) + 0.001 * rng.standard_normal(len(clean) + 100),
        "room": np.convolve(clean, room),
        "stranger": voices[1],
    }
    for name, x in noisy.items():
        write(folder / "clean" / f"{name}.wav", clean, rate, subtype="FLOAT")
        write(folder / "noisy" / f"{name}.wav", x, rate, subtype="FLOAT")
    with cluster.client(0) as client:
        for side in ("clean", "noisy"):
            table = scan(folder / side, kind="speech", root_name=side, client=client)
            write_manifest(table, folder / f"{side}.parquet")
    return folder


def measured(folder, workers=0):
    with cluster.client(workers) as client:
        tables = [scan(folder / s, kind="speech", root_name=s, client=client) for s in ("clean", "noisy")]
        roots = {side: folder / side for side in ("clean", "noisy")}
        return measure_pairs(match_pairs(*tables), roots, client=client)


def test_pairs_are_measured(folder):
    pairs = measured(folder).set_index("name")
    mix, late, fraction, room = (pairs.loc[name] for name in ("mix", "late", "fraction", "room"))
    assert (mix["delay_seconds"], mix["drift_ppm"], mix["gain"], mix["relation"]) == (0, 0, 1, "additive")
    assert mix["sdr_db"] == pytest.approx(10, abs=0.01)
    assert late["delay_seconds"] == 123 / RATE
    assert late["gain"] == pytest.approx(-0.5)
    assert fraction["delay_seconds"] * RATE == pytest.approx(40.5, abs=0.02)
    assert (room["relation"], room["status"]) == ("rerecorded", "ok")
    assert room["coherent_share"] > 0.5
    assert pairs.loc["stranger", "status"] == "unaligned"
    assert "does not fit stranger.wav (confidence 0." in pairs.loc["stranger", "reason"]


def test_the_table_is_kept_as_it_is(folder, tmp_path):
    pairs = measured(folder)
    write_pairs(pairs, tmp_path / "pairs.parquet")
    pd.testing.assert_frame_equal(read_pairs(tmp_path / "pairs.parquet"), pairs)


def test_files_that_have_gone_are_told(folder, tmp_path):
    pairs = match_pairs(*(manifest("gone.wav", root=side) for side in ("clean", "noisy")))
    roots = {"clean": folder / "clean", "noisy": folder / "noisy"}
    with cluster.client(0) as client:
        assert measure_pairs(pairs, roots, client=client)["status"].tolist() == ["missing"]
        with pytest.raises(ValueError, match=r"say where that is: --root noisy=FOLDER"):
            measure_pairs(pairs, {"clean": folder}, client=client)


def test_the_command_pairs_and_shows(folder, tmp_path):
    out = tmp_path / "pairs.parquet"
    roots = [f"--root={side}={folder / side}" for side in ("clean", "noisy")]
    manifests = [str(folder / f"{side}.parquet") for side in ("clean", "noisy")]
    command = ["pair", *manifests, "--out", str(out), *roots, "--workers", "0"]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert "pairs: 4 (3 additive, 1 rerecorded)" in done.stdout
    assert "unaligned: " in done.stdout
    assert read_pairs(out)["status"].tolist().count("ok") == 4
    with pytest.raises(ValueError, match=r"no file matches the patterns"):
        CliRunner().invoke(app, [*command, "--by", "{name}_x.wav", "{name}_y.wav"], catch_exceptions=False)
