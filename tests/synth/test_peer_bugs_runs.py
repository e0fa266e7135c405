"""Faults of other corpus generators in seeds, files, runs and degradations; each a test that this one passes."""

import json
import os
import random
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from percepkit.audio.files import write
from percepkit.dsp.draws import key_of, uniform, words
from percepkit.engine import cluster
from percepkit.manifests.split import assign_splits, find_leaks
from percepkit.synth.corpus import open_corpus, shard_folder
from percepkit.synth.degradations.packet_loss import PacketLoss, lost_packets
from percepkit.synth.degradations.registry import load, names
from percepkit.synth.plan import draw_plan
from percepkit.synth.recipe import Degrading, Noise, load_recipe
from percepkit.synth.run import run_recipe
from percepkit.synth.torch import SynthDataset
from percepkit.synth.yaml_model import yaml_text

RATE = 16_000
rng = np.random.default_rng(6)


def white(seconds, rate=RATE):
    return 0.1 * rng.standard_normal(int(seconds * rate))


def voices(*names, seconds=1.2):
    return {f"{name}/x": (white(seconds), RATE) for name in names}


def run(world, folder, **options):
    with cluster.client(0) as client:
        return run_recipe(world.recipe, world.sources, folder, world.roots, client=client, **options)


# Degradations


def test_urgent_bursts_over_the_maximum():
    """URGENT's packets, at most 10 in a row, were lost 33 in a row, and fewer of them than asked."""
    parameters = PacketLoss(loss_rate=0.25, mean_burst=6, max_burst=10)
    lost = np.concatenate([lost_packets(500, parameters, key) for key in range(100)])
    longest = max(
        int(np.diff(np.flatnonzero(np.diff(np.r_[False, lost_packets(500, parameters, key), False])))[::2].max())
        for key in range(100)
    )
    assert longest == 10
    assert lost.mean() == pytest.approx(0.25, abs=0.01)


def test_urgent_bursts_over_the_maximum_in_an_item(build):
    """The same of a rendered item: URGENT's last burst takes all that is left of its budget."""
    step = {"kind": "packet_loss", "to": "mixture", "parameters": {"loss_rate": 0.25, "max_burst": 3}}
    world = build(voices("s", seconds=8), {"generated": ["white"]}, item_seconds=8, degradations=[step])
    shares = []
    for _, item in world.items():
        packets = item.noisy.reshape(-1, 320)
        gone = ~packets.any(axis=1)
        runs = np.diff(np.flatnonzero(np.diff(np.r_[False, gone, False])))[::2]
        assert runs.max() <= 3
        shares.append(gone.mean())
    assert np.mean(shares) == pytest.approx(0.25, abs=0.06)


def test_deepfilternet_clipping_by_twice_the_decibels(build):
    """DeepFilterNet takes 20 log10 of a ratio of energies for an SDR: asked 10 dB, it clips to 5 dB."""
    step = {"kind": "clipping", "to": "mixture", "parameters": {"sdr_db": 10}}
    for _, item in build(voices("s"), {"generated": ["white"]}, degradations=[step]).items():
        before = (item.speech + item.noise).astype(np.float64)
        gain = (item.noisy @ before) / (before @ before)
        assert item.measured["mixture_sdr_db"] == pytest.approx(10, abs=0.01)
        error = before - item.noisy if item.measured["guard_db"] == 0 else gain * before - item.noisy
        assert 10 * np.log10((before @ before) / (error @ error)) == pytest.approx(10, abs=0.1)


def test_deepfilternet_degradation_that_does_nothing():
    """DeepFilterNet's air absorption is built for a sample rate of 0, and changes no sample."""
    x = white(2).astype(np.float32)
    for name in names():
        degradation = load(name)
        for example in degradation.examples:
            parameters = degradation.parameters.model_validate(dict(example))
            changes = [not np.array_equal(degradation.apply(x, RATE, parameters, key).signal, x) for key in (1, 2)]
            assert all(changes), (name, example)


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_deepfilternet_frequencies_of_another_sample_rate(rate):
    """A corner in Hz is that corner at every rate; DeepFilterNet's band limits also panic up to 4 kHz."""
    x = white(1, rate).astype(np.float32)
    degradation = load("band_limit")
    for cutoff_hz in (500, 3000, 4000):
        parameters = degradation.parameters.model_validate({"cutoff_hz": cutoff_hz})
        y = degradation.apply(x, rate, parameters, 0).signal
        power = np.abs(np.fft.rfft(y * np.hanning(rate))) ** 2
        assert power[int(cutoff_hz * 1.1) :].max() < 1e-4 * power[: int(cutoff_hz * 0.9)].mean()


def test_deepfilternet_probability_that_is_a_switch(build):
    """DeepFilterNet limits the band of all items where 1 % are asked for."""
    step = {"kind": "band_limit", "to": "speech", "share": 0.01, "parameters": {"cutoff_hz": 4000}}
    world = build(voices("s"), {"generated": ["white"]}, degradations=[step], items=2000)
    assert 4 <= (world.plan["degradations"] != "[]").sum() <= 45


def test_urgent_false_that_is_true(build, tmp_path):
    """URGENT parses a switch by bool("False"), which is true: its wind always clips."""
    assert Noise.model_validate({"generated": ["white"], "match_band": "False"}).match_band is False
    step = {"kind": "dc_offset", "to": "speech", "target": "false"}
    assert Degrading.model_validate(step).target is False
    with pytest.raises(ValueError, match="boolean"):
        Degrading.model_validate(step | {"target": "sometimes"})
    world = build(voices("s"), {"generated": ["white"]})
    text = yaml_text(world.recipe).replace("match_band: false", "match_band: off")
    (tmp_path / "recipe.yaml").write_text(text)
    assert load_recipe(tmp_path / "recipe.yaml").noise.match_band is False


def test_deepfilternet_errors_that_are_only_logged(build, tmp_path):
    """DeepFilterNet logs what goes wrong in an augmentation and goes on without it."""
    step = {"kind": "band_limit", "to": "mixture", "parameters": {"cutoff_hz": 12_000}}
    world = build(voices("s"), {"generated": ["white"]}, degradations=[step])
    with pytest.raises(ValueError, match="a band at 16000 Hz ends at 8000 Hz already"):
        run(world, tmp_path / "corpus")


def test_rnnoise_clips_the_input_and_not_the_target(build):
    """What RNNoise does right: the target of a clipped input is not clipped."""
    step = {"kind": "clipping", "to": "speech", "parameters": {"sdr_db": 5}}
    plain = build(voices("s"), {"generated": ["white"]})
    for (_, item), (_, other) in zip(
        build(voices("s"), {"generated": ["white"]}, degradations=[step]).items(), plain.items(), strict=True
    ):
        assert np.mean(np.abs(item.clean) > 0.999 * np.abs(item.clean).max()) < 1e-3
        assert np.mean(np.abs(item.speech) > 0.999 * np.abs(item.speech).max()) > 0.05
        assert len(item.clean) == len(other.clean)


# Draws


def test_rnnoise_seed_from_the_process_number(build, tmp_path):
    """RNNoise seeds by getpid(), others by time or os.urandom: no two runs agree."""
    gaps = {"kind": "gaps", "to": "noise"}
    world = build(voices("s", "t"), {"generated": ["babble", "rain"]}, items=6, degradations=[gaps])
    (world.folder / "recipe.yaml").write_text(yaml_text(world.recipe))
    code = (
        "import sys, pathlib, hashlib\n"
        "from percepkit.synth.torch import SynthDataset\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "data = SynthDataset(folder / 'recipe.yaml', {'speech': folder / 'speech'})\n"
        "print(hashlib.sha256(b''.join(data[i]['noisy'].tobytes() for i in range(6))).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code, str(world.folder)],
            check=True, capture_output=True, text=True, timeout=120, env=os.environ | {"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(found) == 1


def test_rnnoise_correlated_generators_of_parallel_jobs():
    """400 jobs of RNNoise draw from linear congruential generators with neighbouring seeds."""
    u = np.array([uniform(words(key_of(seed, "train", "condition"), 0, 200)).ravel() for seed in range(200)])
    between = np.corrcoef(u)[np.triu_indices(200, 1)]
    assert np.abs(between).max() < 0.2
    first = np.array([uniform(words(key_of(seed, "train", "condition"), 0, 1))[0, 0] for seed in range(2000)])
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < 0.08


def test_audiomentations_global_generators(build):
    """audiomentations draws from the global generators, which any other library may draw from or seed."""
    world = build(voices("s", "t"), {"generated": ["babble", "keyboard"]}, items=4)
    made = []
    for seed in (1, 2):
        np.random.seed(seed)  # noqa: NPY002 - the very thing that must not matter
        random.seed(seed)
        states = str(np.random.get_state()), random.getstate()  # noqa: NPY002
        pd.testing.assert_frame_equal(draw_plan(world.recipe, world.sources), world.plan)
        made.append([item.noisy for _, item in world.items()])
        assert states == (str(np.random.get_state()), random.getstate())  # noqa: NPY002
    np.testing.assert_array_equal(*made)


def test_deepfilternet_epochs_that_overlap(build):
    """DeepFilterNet seeds by epoch + index: item i of an epoch has the noise of item i + 1 of the one before."""
    world = build(voices("s", "t"), {"generated": ["white"]}, items=5, snr_db={"uniform": [0, 20]})
    (world.folder / "recipe.yaml").write_text(yaml_text(world.recipe))
    data = SynthDataset(world.folder / "recipe.yaml", world.roots, stems=["noise"])
    noises = []
    for epoch in range(3):
        data.set_epoch(epoch)
        noises += [data[i]["noise"] for i in range(5)]
    unit = np.array([x / np.sqrt(np.sum(x**2)) for x in noises])
    likeness = np.abs(unit @ unit.T)[np.triu_indices(15, 1)]
    assert likeness.max() < 0.1


def test_intel_validation_set_that_is_the_training_set(build):
    """Intel's challenge built both sets with one fixed seed; here the split is part of every key."""
    train = build(voices("s", "t"), {"generated": ["white"]}, items=200, snr_db={"uniform": [0, 20]})
    valid = build(
        voices("s", "t"), {"generated": ["white"]}, items=200, snr_db={"uniform": [0, 20]}, split="valid"
    )
    for name in ("snr_db", "noise_key"):
        assert not set(train.plan[name]) & set(valid.plan[name])


# Runs


@pytest.mark.parametrize("items, per_shard", [(1, 5), (5, 5), (6, 5), (7, 1)])
def test_dns_one_file_too_many(build, tmp_path, items, per_shard):
    """DNS-Challenge counts from first to last inclusive, and makes N + 1 files."""
    world = build(voices("s"), {"generated": ["white"]}, items=items, items_per_shard=per_shard, item_seconds=0.5)
    report = run(world, tmp_path / "corpus")
    assert (report.items, report.rendered) == (items, items)
    files = sorted(path.name for path in tmp_path.rglob("*.noisy.wav"))
    assert files == [f"{item:06d}.noisy.wav" for item in range(items)]  # and no name twice, as in PercepNet's jobs


def test_dns_endless_loop_over_unreadable_files(build, tmp_path):
    """DNS-Challenge tries the next file for ever where none can be read; scaper and NeMo stop all workers."""
    world = build(voices("s", "t"), {"a/x": (white(1), RATE)}, items=10)
    for path in world.roots["speech"].rglob("*.wav"):
        path.write_bytes(b"RIFF")
    report = run(world, tmp_path / "corpus", max_failures=1.0)
    assert report.quarantined["status"].tolist() == ["unreadable"] * 10
    with pytest.raises(ValueError, match="10 of 10 items could not be rendered"):
        run(world, tmp_path / "corpus")


def test_urgent_clean_speech_in_place_of_noisy(build, tmp_path):
    """URGENT 2026 returns the clean speech as the noisy one after three failures to read a noise."""
    world = build(voices("s"), {"a/x": (white(1), RATE), "b/y": (white(1), RATE)}, items=20)
    next(world.roots["noise"].rglob("x.wav")).write_bytes(b"RIFF")
    run(world, tmp_path / "corpus", max_failures=0.9)
    corpus = open_corpus(tmp_path / "corpus")
    assert 0 < (corpus.items["status"] != "ok").sum() < 20
    for row in corpus.items.itertuples():
        assert (row.status == "ok") == (row.noise_class == "b")
        assert len(list(tmp_path.rglob(f"{row.item_id}.*"))) == (3 if row.status == "ok" else 0)
        if row.status == "ok":
            assert not np.array_equal(corpus.stem(row.item, "noisy"), corpus.stem(row.item, "clean"))


def test_nemo_item_without_an_snr_that_stops_all_workers(build, tmp_path):
    """NeMo raises where speech and noise never sound together, and with that ends the pool."""
    early, late = white(1), white(1)
    early[6000:], late[:10_000] = 0, 0
    speech = {"s/early": (early, RATE), "t/whole": (white(1), RATE)}
    world = build(speech, {"a/late": (late, RATE)}, items=20, snr_kind="simultaneous")
    report = run(world, tmp_path / "corpus", max_failures=0.9)
    items = open_corpus(tmp_path / "corpus").items
    assert set(report.quarantined["status"]) == {"undefined"}
    assert set(items.loc[items["status"] != "ok", "speaker"]) == {"s"}
    assert items.loc[items["speaker"] == "t", "status"].eq("ok").all()


def test_nemo_refuses_to_resume(build, tmp_path):
    """NeMo refuses a folder that is not empty; here a run goes on where the last one stopped."""
    world = build(voices("s"), {"generated": ["white"]}, items=6, items_per_shard=2)
    (tmp_path / "corpus").mkdir()
    assert run(world, tmp_path / "corpus").rendered == 6
    stamp = {path: path.stat().st_mtime_ns for path in (tmp_path / "corpus").rglob("*.wav")}
    again = run(world, tmp_path / "corpus")  # URGENT's own cache crashes a second run
    assert (again.rendered, again.reused) == (0, 6)
    assert stamp == {path: path.stat().st_mtime_ns for path in (tmp_path / "corpus").rglob("*.wav")}


def test_whamr_half_a_file_taken_for_a_whole_one(build, tmp_path):
    """WHAMR and LibriMix skip what exists, whole or not; here only a finished shard counts."""
    world = build(voices("s"), {"generated": ["white"]}, items=4, items_per_shard=2)
    run(world, tmp_path / "corpus")
    folder = shard_folder(tmp_path / "corpus", 1)
    whole = {path.name: path.read_bytes() for path in (folder / "audio").iterdir()}
    (folder / "items.parquet").unlink()
    (folder / "audio" / "000002.noisy.wav").write_bytes(whole["000002.noisy.wav"][:500])
    assert run(world, tmp_path / "corpus").rendered == 2
    assert {path.name: path.read_bytes() for path in (folder / "audio").iterdir()} == whole


def test_rnnoise_short_reads_that_nobody_checks(build, tmp_path):
    """RNNoise does not look at what fread returns: a file that became shorter goes on as old samples."""
    world = build(voices("s"), {"a/x": (white(9), RATE)}, items=8)
    path = next(world.roots["noise"].rglob("x.wav"))
    write(path, white(2), RATE)
    report = run(world, tmp_path / "corpus", max_failures=1.0)
    late = [row["noise"][0]["start"] + RATE > 2 * RATE for row in world.rows]
    assert report.quarantined["item"].tolist() == np.flatnonzero(late).tolist()
    assert set(report.quarantined["status"]) == {"truncated"}


def test_percepnet_split_that_leaks_speakers(build):
    """PercepNet divides clips 80 / 20 at random, so that both parts hold every speaker."""
    speech = {f"{name}/{i}": (white(0.5), RATE) for name in "stuvw" for i in range(6)}
    table = build(speech, {"generated": ["white"]}).sources.speech.table
    split = assign_splits(table, {"train": 0.8, "valid": 0.2}, seed=1)
    assert split.groupby("speaker")["split"].nunique().eq(1).all()
    assert not find_leaks(split)
    split.loc[0, "split"] = "valid" if split.loc[0, "split"] == "train" else "train"
    assert "s" in find_leaks(split)[0]


def test_urgent_only_the_last_folder_is_measured(build):
    """URGENT's bandwidth script keeps the last folder only; here every file has its own."""
    speech = {"s/wide": (white(1), RATE), "t/narrow": (white(1, 8000), 8000), "u/wide": (white(1), RATE)}
    table = build(speech, {"generated": ["white"]}).sources.speech.table.set_index("speaker")
    assert table["effective_bandwidth"].to_dict() == pytest.approx({"s": 8000, "t": 4000, "u": 8000}, rel=0.05)


def test_scaper_metadata_without_the_sample_rate(build, tmp_path):
    """scaper's notes lose the sample rate and cannot be rendered again; a plan renders at any rate."""
    parts = voices("s"), {"generated": ["white"]}
    low, high = (build(*parts, sample_rate=rate, degradations=[{"kind": "gaps", "to": "noise"}])
                 for rate in (16_000, 48_000))  # fmt: skip
    assert low.plan["degradations"].map(json.loads).tolist() == high.plan["degradations"].map(json.loads).tolist()
    run(low, tmp_path / "corpus")
    items = open_corpus(tmp_path / "corpus").items
    assert set(items["sample_rate"]) == {16_000}
    assert (items["seconds"] == 1).all()
