"""``percepkit train`` from a corpus to a file that denoises."""

import csv
import os
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from percepkit.audio.files import read, write
from percepkit.cli.main import app
from percepkit.cli.train import _scorer
from percepkit.engine import cluster
from percepkit.eval.metrics import _interface, installed, load
from percepkit.manifests.demo import demo_folder
from percepkit.synth.run import run_recipe
from percepkit.synth.sources import load_sources
from percepkit.synth.torch import CorpusDataset

RUN = [sys.executable, "-c", "from percepkit.cli.main import main; main()"]
CONFIG = """
name: tiny
seed: 5
sample_rate: 16000
features: rnnoise
model: {name: rnnoise, options: {widths: [8, 8, 8]}}
objective: gains
loss: percepnet-2020
data: {corpus: corpus, valid_corpus: corpus, valid_items: 2}
metrics: [si_sdr, estoi, srmr]
epochs: 2
batch_size: 2
sequence_seconds: 0.8
stopping: {metric: estoi}
"""


def percepkit(*arguments, cwd=None):
    environment = os.environ | {"COLUMNS": "200", "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [*RUN, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, env=environment)


@pytest.fixture(scope="module")
def folder(world, make_recipe, tmp_path_factory):
    folder = tmp_path_factory.mktemp("train")
    recipe = make_recipe(
        items=4, item_seconds=1, items_per_shard=4, rooms=None, snr_db=5, noise={"generated": ["white"]},
        targets=["erb_gains"],
    )  # fmt: skip
    with cluster.client(0) as serial:
        run_recipe(recipe, load_sources(recipe, world), folder / "corpus", {"speech": demo_folder() / "speech"},
                   client=serial)  # fmt: skip
    (folder / "tiny.yaml").write_text(CONFIG)
    return folder


def test_the_help_and_its_errors_load_no_torch():
    code = "import sys; import percepkit.cli.main, percepkit.cli.train; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["False"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CONFIG + "lr: 1\n", r"unknown key `lr`; known: format_version, name"),
        (CONFIG.replace("estoi", "lsd"), r"`metrics`: expected metrics whose rise is good, .* found lsd"),
        (CONFIG.replace("objective: gains", "objective: hope"), r"`objective`: no hope; choose from ibm"),
    ],
)
def test_errors_name_the_key_before_anything_is_made(tmp_path, text, message):
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    arguments = ["train", str(path), "--out", str(tmp_path / "run")]
    with pytest.raises(ValueError, match=message):
        CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["srmr", "dnsmos_ovrl"])
def test_metrics_of_the_enhanced_signal_alone_validate(name):
    if name not in installed():
        pytest.skip(f"{name} is not installed (extra learned)")
    enhanced = [read(demo_folder() / "speech" / "slt" / f"0{i}.flac", channel=0)[0] for i in (1, 2)]
    metric = load(name)
    expected = np.mean([metric.score(metric.prepare(x, 16_000), x)[name] for x in enhanced])
    for clean in (enhanced, [np.ones_like(x) for x in enhanced]):  # what the reference holds does not matter
        found = _scorer((name,), 16_000)(list(zip(clean, enhanced, strict=True)))
        assert found == {name: pytest.approx(expected)}


def test_a_metric_that_is_not_installed_is_refused_before_the_training(monkeypatch):
    monkeypatch.setattr(_interface, "missing_packages", lambda packages: ["speechmos"] if packages else [])
    with pytest.raises(ValueError, match=r"dnsmos_ovrl needs speechmos, .* pip install 'percepkit\[learned\]'"):
        _scorer(("dnsmos_ovrl",), 16_000)


def test_train_resume_export_and_enhance(folder, tmp_path):
    pytest.importorskip("torch", reason="PyTorch is not installed (extra dnn)")
    pytest.importorskip("onnx", reason="onnx is not installed (extra dnn)")
    run = tmp_path / "run"
    done = percepkit("train", folder / "tiny.yaml", "--out", run, "--workers", 0)
    assert done.returncode == 0, done.stderr
    for words in ("4 items, 0.00 hours an epoch; 2 to validate", "all 2 epochs done", "estoi: ", "(noisy ",
                  "waiting for data", "cores"):  # fmt: skip
        assert words in done.stdout
    with (run / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert {"si_sdr", "estoi", "waiting_share", "data_cores"} <= set(rows[0])
    assert all(float(row["srmr"]) > 0 for row in rows)
    assert (tmp_path / "cache").is_dir()
    again = percepkit("train", "run", folder / "tiny.yaml", "--out", run, "--workers", 0)
    assert again.returncode == 2
    assert "holds a run already; go on with --resume" in again.stderr
    exported = percepkit("train", "export", run, "--out", tmp_path / "tiny.onnx", "--int8")
    assert exported.returncode == 0, exported.stderr
    assert "with weights of 8 bits" in exported.stdout
    assert (tmp_path / "tiny.md").read_text().startswith("# tiny\n")
    noisy = CorpusDataset(folder / "corpus")[0]["noisy"]
    write(tmp_path / "noisy.wav", noisy, 16_000)
    with_it = percepkit("enhance", tmp_path / "noisy.wav", tmp_path / "out.wav", "--with", tmp_path / "tiny.onnx")
    assert with_it.returncode == 0, with_it.stderr
    enhanced, _ = read(tmp_path / "out.wav", channel=0)
    assert np.abs(enhanced - noisy).max() > 1e-3
