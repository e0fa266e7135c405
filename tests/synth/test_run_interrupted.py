"""Runs of a rich recipe that lose workers, are killed, or find the disk full: finished, the bytes are the same."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress

import numpy as np
import pytest

from percepkit.engine import cluster
from percepkit.synth.run import checksum, run_recipe
from percepkit.synth.sources import load_sources
from percepkit.synth.yaml_model import yaml_text

MAIN = "from percepkit.cli.main import main; main()"
LIMITED = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000)); {MAIN}"
RICH = {
    "item_seconds": 0.5, "items_per_shard": 3, "targets": ["erb_gains", "band_flags"], "container": "tar",
    "layers": {
        "rival": {"talkers": 1, "snr_db": 10, "share": 0.5},
        "knocks": {"manifest": "noise.parquet", "events": 2, "snr_db": 0, "share": 0.5},
    },
    "degradations": [
        {"kind": "random_filter", "to": "speech", "share": 0.5, "target": True},
        {"kind": "codec", "to": "mixture", "share": 0.3, "parameters": {"kind": "mu-law"}},
    ],
}  # fmt: skip


def fingerprint(corpus):
    return {str(f.relative_to(corpus)): checksum(f.read_bytes()) for f in sorted(corpus.rglob("*")) if f.is_file()}


@pytest.fixture
def rich(make_recipe, world, roots, tmp_path):
    """Maker of a recipe, its sources, the command that renders it, and what a whole run of it gives."""

    def make(items, **changes):
        recipe = make_recipe(items=items, **(RICH | changes))
        path = world / f"{tmp_path.name}.yaml"
        path.write_text(yaml_text(recipe))
        command = ["synth", "run", str(path), *(f"--root={name}={folder}" for name, folder in roots.items())]
        with cluster.client(0) as client:
            run_recipe(recipe, load_sources(recipe, world), tmp_path / "whole", roots, client=client)
        return recipe, load_sources(recipe, world), command, fingerprint(tmp_path / "whole")

    return make


@contextmanager
def killer(client, kills, seconds, killed):
    """Kill single workers with SIGKILL at random moments, until all kills are spent or the run is over."""
    over, rng = threading.Event(), np.random.default_rng(kills)

    def work():
        while len(killed) < kills and not over.wait(rng.uniform(0, seconds)):
            with suppress(Exception):  # a worker may be gone before it is asked
                pids = sorted(client.run(os.getpid).values())
                os.kill(int(rng.choice(pids)), signal.SIGKILL)
                killed.append(pids)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("kills, items", [(2, 60), pytest.param(50, 1500, marks=pytest.mark.soak)])
def test_workers_that_are_killed_change_no_byte(rich, roots, tmp_path, kills, items):
    recipe, sources, _, whole = rich(items)
    corpus, killed, runs = tmp_path / "corpus", [], 0
    while True:
        runs += 1
        assert runs <= kills + 1
        with cluster.client(2) as client, killer(client, kills, 2.0, killed):
            try:
                report = run_recipe(recipe, sources, corpus, roots, client=client)
            except OSError as error:  # a shard whose workers die again and again ends a run, which resumes
                assert "start the run again" in str(error) or "its worker process died" in str(error)  # noqa: PT017
            else:
                break
    assert report.rendered + report.reused == items
    assert killed
    assert fingerprint(corpus) == whole


@pytest.mark.soak
@pytest.mark.parametrize("kills, items", [(8, 600), (50, 2100)])
def test_runs_that_are_killed_change_no_byte(rich, tmp_path, kills, items):
    recipe, _, command, whole = rich(items)
    corpus, rng, killed = tmp_path / "corpus", np.random.default_rng(2), 0
    arguments = [sys.executable, "-c", MAIN, *command, "--out", str(corpus), "--workers", "1"]
    for _ in range(kills):
        before = set(corpus.glob("shards/*"))
        process = subprocess.Popen(
            arguments, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while set(corpus.glob("shards/*")) <= before and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 1.5))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            killed += 1
        process.wait()
    assert killed == kills
    done = len(list(corpus.glob("shards/[0-9]*"))) * recipe.items_per_shard
    assert 0 < done < items
    subprocess.run(arguments, check=True, timeout=600, capture_output=True)
    assert fingerprint(corpus) == whole


@pytest.mark.parametrize("container", ["tar", "folder"])
@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_file_that_cannot_grow_is_a_clear_error_and_the_run_resumes(rich, tmp_path, container, workers):
    if container == "folder" and workers == "1":
        pytest.skip("the same road as with tar")
    # No file may be longer than 60 kB: two shards' tars are, and of a folder the targets.
    _, _, command, whole = rich(12, container=container, item_seconds=2 if container == "folder" else 0.5)
    out = ["--out", str(tmp_path / "corpus"), "--workers", workers]
    limited = subprocess.run(
        [sys.executable, "-c", LIMITED, *command, *out], capture_output=True, text=True, timeout=120
    )
    assert limited.returncode == 2
    assert "cannot be written (File too large); make room and run again, which resumes" in " ".join(
        limited.stderr.split()
    )
    assert "Traceback" not in limited.stderr
    assert not list((tmp_path / "corpus" / "shards").glob("[0-9]*"))
    again = subprocess.run(
        [sys.executable, "-c", MAIN, *command, *out], capture_output=True, text=True, timeout=120
    )
    assert again.returncode == 0, again.stderr
    assert fingerprint(tmp_path / "corpus") == whole


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 600 kB, and how to make it larger."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options):
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    try:
        allowed = mount("size=600k")
    except FileNotFoundError:
        allowed = False
    if not allowed:
        pytest.skip("mounting a small disk is not allowed here")
    yield folder, lambda: mount("remount,size=50m")
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_full_disk_is_a_clear_error_and_the_run_resumes(rich, small_disk, workers):
    disk, enlarge = small_disk
    _, _, command, whole = rich(30)
    arguments = [sys.executable, "-c", MAIN, *command, "--out", str(disk / "corpus"), "--workers", workers]
    full = subprocess.run(arguments, capture_output=True, text=True, timeout=120)
    assert full.returncode == 2
    assert "cannot be written (No space left on device); make room and run again" in " ".join(full.stderr.split())
    assert "Traceback" not in full.stderr
    done = list((disk / "corpus" / "shards").glob("[0-9]*"))
    assert 0 < len(done) < 10
    assert enlarge()
    again = subprocess.run(arguments, capture_output=True, text=True, timeout=120)
    assert again.returncode == 0, again.stderr
    assert f"{3 * len(done)} were there" in again.stdout
    assert fingerprint(disk / "corpus") == whole
