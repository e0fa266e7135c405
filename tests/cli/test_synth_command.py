"""``percepkit synth``: what it prints, its exit codes, and bad sources that do not stop a run."""

import shutil

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from percepkit.audio.files import read, write
from percepkit.cli.main import app as percepkit
from percepkit.cli.synth import app
from percepkit.engine.tables import read_table
from percepkit.manifests.demo import demo_folder
from percepkit.manifests.table import read_manifest, write_manifest
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


@pytest.fixture(scope="module")
def dry_recipe_file(world, make_recipe):
    """No rooms and no targets: quick to render."""
    path = world / "dry.yaml"
    path.write_text(
        yaml_text(make_recipe(items=4, item_seconds=1, rooms=None, targets=[], noise={"generated": ["pink"]}))
    )
    return path


DAMAGE = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "unreadable": lambda path: path.write_bytes(b"no audio at all"),
    "nonfinite": lambda path: write_raw(path, np.nan),
    "silent": lambda path: write_raw(path, 0.0),
}


def write_raw(path, value):
    """A long file of one value; libsndfile goes by content, so the name stays."""
    with path.open("wb") as file:
        soundfile.write(file, np.full(160_000, value, np.float32), 16_000, format="WAV", subtype="FLOAT")


def test_plan_and_run_say_what_is_too_short_to_draw_from(dry_recipe_file, world, roots, tmp_path):
    shutil.copy(dry_recipe_file, tmp_path / "dry.yaml")
    table = read_manifest(world / "speech.parquet")
    table.loc[0, "duration"] = 0.2
    write_manifest(table, tmp_path / "speech.parquet")
    told = f"speech.manifest: 1 of {len(table)} files are shorter than 0.25 s"
    assert told in run("plan", tmp_path / "dry.yaml").stdout
    assert told in run("run", tmp_path / "dry.yaml", "--out", tmp_path / "corpus", *options(roots)).stdout


@pytest.mark.parametrize("status", DAMAGE)
def test_each_way_a_source_can_go_bad_has_its_status(status, dry_recipe_file, roots, tmp_path):
    run("plan", dry_recipe_file, "--out", tmp_path / "plan.parquet")
    plan = read_table(tmp_path / "plan.parquet", kind="plan")
    voices = shutil.copytree(demo_folder() / "speech", tmp_path / "speech")
    victim = plan["speech"][2][0]["path"]
    DAMAGE[status](voices / victim)
    here = options(roots | {"speech": voices})
    out = tmp_path / "corpus"
    with pytest.raises(ValueError, match=rf"of 4 items .*--max-failures.* the first is item \d+: .*{victim}"):
        run("run", dry_recipe_file, "--out", out, *here)
    shown = run("run", dry_recipe_file, "--out", out, "--max-failures", 0.75, *here)
    assert shown.exit_code == 0
    assert f"item 2: {status}: " in shown.stdout
    assert victim in shown.stdout
    items = open_corpus(out).items
    assert items["status"][2] == status
    assert not list(shard_folder(out, 0).glob("audio/000002.*"))
    assert len(list(shard_folder(out, 0).glob("audio/*.wav"))) == 3 * (items["status"] == "ok").sum()
    # The source comes back: what failed is rendered when asked for, and only then.
    shutil.copyfile(demo_folder() / "speech" / victim, voices / victim)
    assert (
        "0 rendered, 4 were there" in run("run", dry_recipe_file, "--out", out, "--max-failures", 1, *here).stdout
    )
    again = run("run", dry_recipe_file, "--out", out, "--retry-quarantined", *here)
    assert "4 rendered, 0 quarantined" in again.stdout
    assert run("verify", out, "--workers", 0).exit_code == 0


def test_bad_files_at_the_scan_are_listed_and_never_drawn(tmp_path):
    speech = tmp_path / "speech"
    speech.mkdir()
    rng = np.random.default_rng(0)
    for name in "ab":
        write(speech / f"{name}.wav", 0.1 * rng.standard_normal(32_000), 16_000)
    for status in ("empty", "unreadable", "nonfinite", "silent"):
        (speech / f"{status}.wav").touch()
        DAMAGE[status](speech / f"{status}.wav")
    manifest = tmp_path / "speech.parquet"
    scan = ["manifest", "scan", str(speech), "--kind", "speech", "--workers", "0", "--out", str(manifest)]
    scanned = CliRunner().invoke(percepkit, scan)
    assert scanned.exit_code == 0
    for word in ("6, usable 2", "empty: 1", "unreadable: 1", "nonfinite: 1", "silent: 1"):
        assert word in scanned.stdout
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "{name: x, seed: 1, items: 9, item_seconds: 1, sample_rate: 16000, snr_db: 5, targets: [],"
        " speech: {manifest: speech.parquet}, noise: {generated: [pink]}}"
    )
    shown = run("run", recipe, "--out", tmp_path / "corpus", "--workers", 0, f"--root=speech={speech}")
    assert "9 items, 9 rendered, 0 quarantined" in shown.stdout
    for name in "ab":
        (speech / f"{name}.wav").unlink()
    CliRunner().invoke(percepkit, scan)
    with pytest.raises(ValueError, match=r"speech\.parquet: no usable file in this manifest .*speech\.manifest"):
        run("run", recipe, "--out", tmp_path / "other", "--workers", 0, f"--root=speech={speech}")
    assert not (tmp_path / "other").exists()


def test_a_folder_that_holds_something_else_is_left_alone(dry_recipe_file, recipe_file, roots, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="is not empty and not a corpus"):
        run("run", dry_recipe_file, "--out", tmp_path, *options(roots))
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    out = tmp_path / "corpus"
    run("run", dry_recipe_file, "--out", out, *options(roots))
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match="holds a corpus of another recipe"):
        run("run", recipe_file, "--out", out, *options(roots))
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("change, words", [
    ("name: [x", "not a YAML file"),
    ("", "found NoneType"),
    ("- 1", "a table of keys and values"),
    ("seed: 1", "name"),
])  # fmt: skip
def test_a_recipe_that_is_none_is_named(change, words, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(change)
    with pytest.raises(ValueError, match=r"recipe\.yaml: ") as raised:
        run("plan", recipe)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("root", ["speech", "=folder", "speech="])
def test_a_malformed_root_is_quoted(root, dry_recipe_file, tmp_path):
    with pytest.raises(ValueError, match=f"--root {root}: expected NAME=FOLDER"):
        run("run", dry_recipe_file, "--out", tmp_path / "corpus", "--workers", 0, "--root", root)
    assert not (tmp_path / "corpus").exists()


def test_a_root_that_is_no_folder_is_named(dry_recipe_file, tmp_path):
    with pytest.raises(ValueError, match=r"--root speech=.*nowhere: no such folder"):
        run(
            "run",
            dry_recipe_file,
            "--out",
            tmp_path / "corpus",
            "--workers",
            0,
            f"--root=speech={tmp_path}/nowhere",
        )
    assert not (tmp_path / "corpus").exists()


def test_outputs_of_the_wrong_sort_are_refused_before_the_work(dry_recipe_file, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="expected a file name, found a folder; name a file inside it"):
        run("plan", dry_recipe_file, "--out", tmp_path)
    with pytest.raises(ValueError, match=r"cannot write .*/file/plan\.parquet: Not a directory"):
        run("plan", dry_recipe_file, "--out", tmp_path / "file" / "plan.parquet")
    demo = CliRunner().invoke(percepkit, ["demo", "--out", str(tmp_path / "file")])
    assert "expected a folder, found a file; name another folder" in str(demo.exception)


def test_an_error_stands_alone(dry_recipe_file, tmp_path):
    shown = CliRunner().invoke(
        app, ["run", str(dry_recipe_file), "--out", str(tmp_path / "corpus"), "--workers", "0"]
    )
    assert "say where it lies: --root speech=FOLDER" in str(shown.exception)
    assert not shown.output.strip()  # no empty progress bar before it


def test_verify_finds_what_is_missing(dry_recipe_file, roots, tmp_path):
    out = tmp_path / "corpus"
    run("run", dry_recipe_file, "--out", out, *options(roots))
    (shard_folder(out, 0) / "audio" / "000001.noise.wav").unlink()
    found = run("verify", out, "--workers", 0)
    assert (found.exit_code, "item 1: 000001.noise.wav is missing" in found.stdout) == (1, True)
    shutil.rmtree(shard_folder(out, 0))
    found = run("verify", out, "--workers", 0)
    assert (found.exit_code, "shard 00000: not rendered" in found.stdout) == (1, True)


def test_single_items_are_those_of_the_corpus(dry_recipe_file, roots, tmp_path):
    shown = run("render", dry_recipe_file, 3, 0, "--out", tmp_path / "listen", *options(roots)[2:])
    assert shown.exit_code == 0
    assert "item 3: noisy, clean, noise in" in shown.stdout
    assert "snr_realised_db: " in shown.stdout
    out = tmp_path / "corpus"
    run("run", dry_recipe_file, "--out", out, *options(roots))
    for name in ("000003.noisy.wav", "000000.clean.wav"):
        assert (tmp_path / "listen" / name).read_bytes() == (shard_folder(out, 0) / "audio" / name).read_bytes()
    with pytest.raises(ValueError, match="expected a folder, found a file"):
        run("render", dry_recipe_file, 0, "--out", dry_recipe_file, *options(roots)[2:])


def test_a_preview_has_a_page_and_the_stems(dry_recipe_file, roots, tmp_path):
    voices = shutil.copytree(demo_folder() / "speech", tmp_path / "speech")
    here = options(roots | {"speech": voices})[2:]
    shown = run("preview", dry_recipe_file, 3, 0, "--out", tmp_path / "named", *here)
    assert shown.exit_code == 0
    assert "2 items; open " in shown.stdout
    assert sorted(path.name[:6] for path in (tmp_path / "named").glob("*.noisy.wav")) == ["000000", "000003"]
    shown = run("preview", dry_recipe_file, "--out", tmp_path / "first", "--items", 9, *here)
    assert "4 items; open " in shown.stdout  # the recipe has no more
    page = (tmp_path / "first" / "index.html").read_text()
    assert page.index("Item 000000") < page.index("Item 000003")
    shutil.rmtree(voices)
    voices.mkdir()
    shown = run("preview", dry_recipe_file, 1, "--out", tmp_path / "bad", *here)
    assert shown.exit_code == 0
    assert "item 1: missing: " in shown.stdout
    assert "Quarantined: missing." in (tmp_path / "bad" / "index.html").read_text()


def test_statistics_of_a_corpus_are_those_measured(dry_recipe_file, roots, tmp_path):
    out = tmp_path / "corpus"
    run("run", dry_recipe_file, "--out", out, *options(roots))
    shown = run("stats", out)
    assert shown.exit_code == 0
    assert "4 items" in shown.stdout
    for word in ("SNR as realised (dB)", "noise class", "status", "ok"):
        assert word in shown.stdout
    shutil.rmtree(shard_folder(out, 0))
    with pytest.raises(ValueError, match="no item is rendered yet"):
        run("stats", out)
