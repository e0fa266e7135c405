"""Scoring a corpus that lies on disk, by worker processes, and by a command that is killed."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from percepkit.audio.files import write
from percepkit.engine.cluster import client
from percepkit.engine.tables import write_table
from percepkit.eval.score import read_scores, score_corpus
from percepkit.synth.corpus import shard_folder
from percepkit.synth.recipe import Recipe
from percepkit.synth.store import stem_name
from percepkit.synth.yaml_model import yaml_text

RATE = 16_000
METRICS = ["pesq_wb", "stoi", "si_sdr"]
GUEST = """
import time
def slow_half(noisy, sample_rate):
    time.sleep(0.1)
    return noisy / 2
def broken(noisy, sample_rate):
    raise OSError("no model file")
"""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Ten items of one second in two shards, one of them quarantined."""
    folder = tmp_path_factory.mktemp("road") / "corpus"
    recipe = Recipe.model_validate(
        {
            "name": "tiny",
            "seed": 1,
            "items": 10,
            "item_seconds": 1,
            "sample_rate": RATE,
            "speech": {"manifest": "speech.parquet"},
            "noise": {"generated": ["white"]},
            "snr_db": {"choice": [0, 10]},
        }
    )
    for shard in (0, 1):
        rows = []
        for item in range(5 * shard, 5 * shard + 5):
            item_id = f"{item:06d}"
            for stem, signal_ in stems(item).items():
                path = shard_folder(folder, shard) / "audio" / stem_name(item_id, stem, "wav")
                path.parent.mkdir(parents=True, exist_ok=True)
                write(path, signal_, RATE)
            status = "silent" if item == 4 else "ok"
            rows.append({"item": item, "item_id": item_id, "shard": shard, "status": status, "snr_db": 10.0})
        write_table(pd.DataFrame(rows), shard_folder(folder, shard) / "items.parquet", kind="items")
    (folder / "recipe.yaml").write_text(yaml_text(recipe))
    return folder


def stems(item):
    generator = np.random.default_rng(item)
    speech = 0.1 * np.repeat(generator.uniform(0, 1, 20), RATE // 20) * generator.standard_normal(RATE)
    noise = 0.03 * generator.standard_normal(RATE)
    return {"clean": speech, "noise": noise, "noisy": speech + noise}


@pytest.fixture(scope="module")
def guests(tmp_path_factory):
    """Names of two denoisers in a module that only PYTHONPATH leads to."""
    folder = tmp_path_factory.mktemp("guests")
    (folder / "guests.py").write_text(GUEST)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        patch.syspath_prepend(folder)
        yield ["guests:slow_half", "guests:broken"]
    sys.modules.pop("guests", None)


def without_times(path):
    return read_scores(path).drop(columns="seconds")


@pytest.fixture(scope="module")
def expected(corpus, guests, tmp_path_factory):
    out = tmp_path_factory.mktemp("scores") / "alone.parquet"
    with client(0) as serial:
        run = score_corpus(corpus, ["highpass", *guests], METRICS, out, client=serial)
    assert (run.n_items, run.skipped) == (9, {"silent": 1})
    return without_times(out)


def test_worker_processes_give_the_same_table(corpus, guests, expected, tmp_path):
    with client(2) as two:
        score_corpus(corpus, ["highpass", *guests], METRICS, tmp_path / "two.parquet", client=two)
    pd.testing.assert_frame_equal(without_times(tmp_path / "two.parquet"), expected, check_exact=True)
    assert set(expected[expected["denoiser"] == "guests:broken"]["status"]) == {"denoiser_failed"}
    assert set(expected[expected["denoiser"] != "guests:broken"]["status"]) == {"ok"}


def test_a_killed_command_goes_on_where_it_was(corpus, guests, expected, tmp_path):
    out = tmp_path / "killed.parquet"
    command = [
        sys.executable,
        "-c",
        "from percepkit.cli.main import main; main()",
        "eval",
        "run",
        str(corpus),
    ]
    command += ["--denoisers", ",".join(["highpass", *guests]), "--metrics", ",".join(METRICS)]
    command += ["--workers", "0", "--out", str(out)]
    killed = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=tmp_path)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("killed.parquet.parts/part-*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(killed.pid, signal.SIGKILL)
    output = killed.communicate()[0].decode()
    assert not out.exists(), output
    assert list(tmp_path.glob("killed.parquet.parts/part-*")), output
    finished = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert "of 9 items were scored by an earlier run" in finished.stdout
    assert "27 of 108 scores are missing: denoiser_failed 27" in finished.stdout
    pd.testing.assert_frame_equal(without_times(out), expected, check_exact=True)
    assert not (tmp_path / "killed.parquet.parts").exists()
