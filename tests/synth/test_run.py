"""Runs: the same bytes however they are run, resumed after kills, nothing lost to bad sources."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from percepkit.audio.files import write
from percepkit.engine import cluster
from percepkit.manifests.demo import demo_folder
from percepkit.synth.corpus import open_corpus, shard_folder
from percepkit.synth.render import Renderer
from percepkit.synth.run import checksum, run_recipe
from percepkit.synth.sources import load_sources
from percepkit.synth.yaml_model import yaml_text


def fingerprint(corpus: Path) -> dict[str, str]:
    return {str(f.relative_to(corpus)): checksum(f.read_bytes()) for f in sorted(corpus.rglob("*")) if f.is_file()}


@pytest.fixture(scope="module")
def recipe(make_recipe):
    return make_recipe()


@pytest.fixture(scope="module")
def rendered(recipe, world, roots, tmp_path_factory):
    """A corpus rendered in this process, and its report."""
    folder = tmp_path_factory.mktemp("serial") / "corpus"
    with cluster.client(0) as client:
        report = run_recipe(recipe, load_sources(recipe, world), folder, roots, client=client)
    return folder, report


def test_a_run_renders_every_item(rendered, recipe):
    folder, report = rendered
    assert (report.items, report.rendered, report.reused, len(report.quarantined)) == (12, 12, 0, 0)
    corpus = open_corpus(folder)
    assert corpus.shards == [0, 1, 2]
    assert corpus.items["item"].tolist() == list(range(12))
    assert (corpus.items["snr_realised_db"] - corpus.items["snr_db"]).abs().max() < 0.001
    assert not list(folder.rglob("*.tmp*"))


def test_the_corpus_holds_what_the_renderer_makes(rendered, recipe, roots):
    folder, _ = rendered
    corpus = open_corpus(folder)
    for item in (0, 7, 11):
        alone = Renderer(recipe, roots)(corpus.plan.iloc[item])
        for name in ("noisy", "clean", "speech", "noise"):
            np.testing.assert_array_equal(corpus.stem(item, name), np.rint(getattr(alone, name) * 32768) / 32768)
        gains, valid = corpus.target(item, "erb_gains")
        np.testing.assert_array_equal(gains, alone.percepnet.gains.astype(np.float32))
        np.testing.assert_array_equal(valid, alone.percepnet.gains_valid)


@pytest.mark.parametrize("workers, processes", [(1, True), (2, True), (2, False)])
def test_bytes_do_not_depend_on_the_workers(rendered, recipe, world, roots, tmp_path, workers, processes):
    with cluster.client(workers, processes=processes) as client:
        run_recipe(recipe, load_sources(recipe, world), tmp_path / "corpus", roots, client=client)
    assert fingerprint(tmp_path / "corpus") == fingerprint(rendered[0])


def kill_and_resume(recipe, world, roots, folder, kills, seconds):
    """Start runs as processes, kill each after a while with all its workers, then finish the corpus."""
    (world / "killed.yaml").write_text(yaml_text(recipe))
    command = [sys.executable, "-c", "from percepkit.cli.main import main; main()", "synth", "run",
               str(world / "killed.yaml"), "--out", str(folder), "--workers", "1",
               *[f"--root={n}={p}" for n, p in roots.items()]]  # fmt: skip
    rng = np.random.default_rng(kills)
    killed = 0
    while killed < kills and len(list(folder.glob("shards/[0-9]*"))) * recipe.items_per_shard < recipe.items:
        # Attempts count as well, but before the last kill something is committed.
        pattern = "shards/[0-9]*" if killed == kills - 1 else "shards/*"
        before = set(folder.glob(pattern))
        process = subprocess.Popen(
            command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        begun = time.monotonic()
        while set(folder.glob(pattern)) <= before and process.poll() is None and time.monotonic() < begun + 60:
            time.sleep(0.005)
        time.sleep(rng.uniform(0, seconds))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            killed += 1
        process.wait()
    with cluster.client(0) as client:
        return killed, run_recipe(recipe, load_sources(recipe, world), folder, roots, client=client)


@pytest.mark.parametrize(
    "kills, items, seconds", [(5, 300, 1.5), pytest.param(50, 3000, 1.5, marks=pytest.mark.soak)]
)
def test_killed_runs_resume_to_the_same_bytes(make_recipe, world, roots, tmp_path, kills, items, seconds):
    recipe = make_recipe(items=items, items_per_shard=2, item_seconds=0.5, targets=["erb_gains"])
    killed, report = kill_and_resume(recipe, world, roots, tmp_path / "corpus", kills, seconds)
    assert killed == kills
    assert report.reused > 0
    assert report.rendered + report.reused == items
    with cluster.client(0) as client:
        run_recipe(recipe, load_sources(recipe, world), tmp_path / "whole", roots, client=client)
    assert fingerprint(tmp_path / "corpus") == fingerprint(tmp_path / "whole")


@pytest.fixture
def damaged(world, tmp_path):
    """Speech where one voice has since been lost: its items fail, all others render."""
    folder = tmp_path / "speech"
    shutil.copytree(demo_folder() / "speech", folder)
    return folder


def test_bad_sources_are_quarantined_and_retried(make_recipe, world, roots, tmp_path, damaged):
    recipe = make_recipe(items=30, noise={"generated": ["white"]}, rooms=None)
    sources = load_sources(recipe, world)
    victim = sorted(p.name for p in damaged.iterdir())[0]
    lost = {f: f.read_bytes() for f in (damaged / victim).iterdir()}
    shutil.rmtree(damaged / victim)
    here, corpus = roots | {"speech": damaged}, tmp_path / "corpus"
    with cluster.client(0) as client:
        with pytest.raises(
            ValueError, match=r"items could not be rendered, more than --max-failures allows.*" + victim
        ):
            run_recipe(recipe, sources, corpus, here, client=client)
        report = run_recipe(recipe, sources, corpus, here, client=client, max_failures=0.9)
        assert 0 < len(report.quarantined) < 30
        assert set(report.quarantined["status"]) == {"missing"}
        items = open_corpus(corpus).items
        assert items["item"].tolist() == list(range(30))
        bad = items[items["status"] != "ok"]
        assert bad["reason"].str.contains(victim).all()
        with pytest.raises(ValueError, match="was quarantined \\(missing\\)"):
            open_corpus(corpus).stem(bad["item"].iloc[0], "noisy")
        (damaged / victim).mkdir()
        for file, content in lost.items():
            file.write_bytes(content)
        again = run_recipe(recipe, sources, corpus, here, client=client, retry_quarantined=True)
        assert again.quarantined.empty
        assert again.rendered > 0
        whole = tmp_path / "whole"
        run_recipe(recipe, sources, whole, roots, client=client)
    assert fingerprint(corpus) == fingerprint(whole)


def test_flac_holds_the_same_samples(rendered, make_recipe, world, roots, tmp_path):
    recipe = make_recipe(audio_format="flac")
    with cluster.client(0) as client:
        run_recipe(recipe, load_sources(recipe, world), tmp_path / "corpus", roots, client=client)
    flac, wav = open_corpus(tmp_path / "corpus"), open_corpus(rendered[0])
    for item in range(12):
        np.testing.assert_array_equal(flac.stem(item, "noisy"), wav.stem(item, "noisy"))


def test_what_cannot_work_is_said_at_once(recipe, world, roots, rendered, make_recipe, tmp_path):
    sources = load_sources(recipe, world)
    with cluster.client(0) as client:
        with pytest.raises(ValueError, match="say where it lies: --root noise=FOLDER"):
            run_recipe(recipe, sources, tmp_path / "a", {"speech": roots["speech"]}, client=client)
        with pytest.raises(ValueError, match=r"--root noise=.*no such folder"):
            run_recipe(recipe, sources, tmp_path / "a", roots | {"noise": tmp_path / "no"}, client=client)
        assert not (tmp_path / "a").exists()
        with pytest.raises(ValueError, match="holds a corpus of another recipe"):
            run_recipe(make_recipe(seed=9), sources, rendered[0], roots, client=client)
        (tmp_path / "b").mkdir()
        (tmp_path / "b" / "thesis.tex").touch()
        with pytest.raises(ValueError, match="not empty and not a corpus"):
            run_recipe(recipe, sources, tmp_path / "b", roots, client=client)
        (tmp_path / "file").touch()
        with pytest.raises((ValueError, OSError), match="file"):
            run_recipe(recipe, sources, tmp_path / "file", roots, client=client)


def test_a_manifest_that_changed_is_another_corpus(rendered, recipe, world, roots):
    sources = load_sources(recipe, world)
    table = sources.speech.table.assign(frames=sources.speech.table["frames"] - 100)
    changed = replace(sources, speech=replace(sources.speech, table=table))
    with cluster.client(0) as client, pytest.raises(ValueError, match="other manifests"):
        run_recipe(recipe, changed, rendered[0], roots, client=client)


def test_items_table_has_the_documented_columns(rendered):
    items = open_corpus(rendered[0]).items
    import percepkit.synth.corpus as module

    documented = module.__doc__
    for column in items.columns:
        if not column.startswith("checksum") and column != "noise_paths":
            assert column in documented, column
    assert isinstance(items, pd.DataFrame)
    assert shard_folder(rendered[0], 2).is_dir()


def test_a_silent_source_does_not_stop_a_run(make_recipe, world, roots, tmp_path, damaged):
    recipe = make_recipe(items=8, noise={"generated": ["white"]}, rooms=None)
    sources = load_sources(recipe, world)
    for file in damaged.glob("*/*.flac"):
        write(file, np.zeros(80_000), 16_000)
    with cluster.client(0) as client:
        report = run_recipe(
            recipe, sources, tmp_path / "c", roots | {"speech": damaged}, client=client, max_failures=1.0
        )
    assert set(report.quarantined["status"]) == {"silent"}
    assert len(report.quarantined) == 8
