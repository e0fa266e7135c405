"""``percepkit synth``: what it prints, its exit codes, and bad sources that do not stop a run."""

import shutil

import pytest
from typer.testing import CliRunner

from percepkit.audio.files import read, write
from percepkit.cli.synth import app
from percepkit.manifests.demo import demo_folder
from percepkit.synth.corpus import open_corpus, shard_folder
from percepkit.synth.yaml_model import yaml_text


def run(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def options(roots):
    return ["--workers", 0, *(f"--root={name}={path}" for name, path in roots.items())]


@pytest.fixture
def recipe_file(world, make_recipe):
    path = world / "command.yaml"
    path.write_text(
        yaml_text(make_recipe(items=20, items_per_shard=10, item_seconds=1, snr_db={"choice": [0, 10]}))
    )
    return path


def test_plan_shows_size_and_conditions_and_renders_nothing(recipe_file, world, tmp_path):
    before = set(world.rglob("*"))
    shown = run("plan", recipe_file, "--out", tmp_path / "plan.parquet").stdout
    assert "20 items, 0.01 hours, " in shown
    assert "about 0.00 GB" in shown
    for word in ("SNR (dB)", "RT60 (s)", "noise class", "babble", "street", "█"):
        assert word in shown
    assert (tmp_path / "plan.parquet").is_file()
    assert set(world.rglob("*")) == before


def test_run_and_verify(recipe_file, roots, tmp_path):
    out = tmp_path / "corpus"
    shown = run("run", recipe_file, "--out", out, *options(roots))
    assert shown.exit_code == 0
    assert "20 items, 20 rendered, 0 quarantined" in shown.stdout
    assert "0 rendered, 20 were there" in run("run", recipe_file, "--out", out, *options(roots)).stdout
    sound = run("verify", out, "--workers", 0)
    assert (sound.exit_code, "20 items, all as planned" in sound.stdout) == (0, True)
    file = shard_folder(out, 1) / "audio" / "000012.clean.wav"
    x, rate = read(file, channel=0)
    write(file, x[::-1].copy(), rate)
    changed = run("verify", out, "--workers", 0)
    assert changed.exit_code == 1
    assert "shard 00001 item 12: 000012.clean.wav has changed" in changed.stdout


def test_sources_gone_bad_since_the_scan_are_quarantined_and_counted(recipe_file, roots, tmp_path):
    voices = shutil.copytree(demo_folder() / "speech", tmp_path / "speech")
    victims = sorted(voices.glob("*/0[1-3].flac"))
    victims[0].write_bytes(b"")
    victims[1].write_bytes(victims[1].read_bytes()[:2000])
    for victim in victims[2:]:
        victim.unlink()
    here = options(roots | {"speech": voices})
    out = tmp_path / "corpus"
    with pytest.raises(
        ValueError, match=r"of 20 items could not be rendered, more than --max-failures allows; the first"
    ):
        run("run", recipe_file, "--out", out, *here)
    shown = run("run", recipe_file, "--out", out, "--max-failures", 0.9, *here)
    assert shown.exit_code == 0
    bad = open_corpus(out).items.query("status != 'ok'")
    assert 0 < len(bad) < 20
    assert f"{len(bad)} quarantined" in shown.stdout
    assert f"item {bad['item'].iloc[0]}: {bad['status'].iloc[0]}: " in shown.stdout
