"""The command as a user meets it: help that teaches, and errors as one line with exit code 2."""

import os
import resource
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from percepkit import __version__
from percepkit.cli.main import app
from percepkit.synth.yaml_model import yaml_text

RUN = [sys.executable, "-m", "percepkit"]


def percepkit(*arguments, cwd=None, file_limit=None):
    """Run the command; a limit on the size of files stands for a full disk."""

    def limit():
        if file_limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))

    return subprocess.run(
        [*RUN, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=limit,
        env=os.environ | {"COLUMNS": "200"},
    )


def check_error(done, *words):
    assert done.returncode == 2, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("rendering")]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    for word in words:
        assert word in lines[0]


def commands(command, path):
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, child in command.commands.items():
        yield from commands(child, (*path, name))


@pytest.mark.parametrize(
    "path, command", list(commands(typer.main.get_command(app), ())), ids=lambda x: str(x)[:40]
)
def test_every_command_teaches_by_an_example(path, command):
    assert "Example: " in command.help
    assert "percepkit " + " ".join(path) in command.help


@pytest.mark.parametrize(
    "path, command", list(commands(typer.main.get_command(app), ())), ids=lambda x: str(x)[:40]
)
def test_help_shows_all_of_its_text_in_a_narrow_terminal(path, command):
    shown = CliRunner(env={"COLUMNS": "80", "TERM": "dumb"}).invoke(app, [*path, "--help"]).output
    assert "…" not in shown
    assert " ".join(command.help.replace("`", "").split()) in " ".join(shown.split())


def test_commands_are_listed_in_the_order_of_their_use():
    found = typer.main.get_command(app).commands
    assert list(found["manifest"].commands)[:3] == ["scan", "show", "duplicates"]
    assert list(found["eval"].commands)[:3] == ["run", "table", "compare"]


def test_version():
    assert percepkit("--version").stdout.strip() == __version__


@pytest.fixture(scope="module")
def recipe_file(world, make_recipe):
    path = world / "small.yaml"
    path.write_text(yaml_text(make_recipe(items=4, items_per_shard=2, item_seconds=1)))
    return path


def options(roots):
    return [f"--root={name}={path}" for name, path in roots.items()]


def test_what_cannot_work_is_one_line_and_nothing_is_written(recipe_file, roots, tmp_path, world):
    out = tmp_path / "corpus"
    run = ("synth", "run", "--workers", 0, "--out", out)
    check_error(
        percepkit("manifest", "scan", tmp_path / "no", "--kind", "speech", "--out", tmp_path / "m"),
        "no such folder",
    )
    check_error(percepkit(*run, tmp_path / "no.yaml"), "no.yaml", "no such recipe")
    check_error(percepkit(*run, recipe_file), "--root")
    check_error(percepkit(*run, recipe_file, "--root", "speech"), "expected NAME=FOLDER")
    bad = world / "bad.yaml"
    bad.write_text(recipe_file.read_text() + "snrs: 3\n")
    check_error(percepkit(*run, bad, *options(roots)), "bad.yaml", "unknown key `snrs`", "snr_db")
    check_error(percepkit("synth", "verify", tmp_path), "not a corpus")
    check_error(percepkit("eval", "run", tmp_path, "--workers", 0), "not a corpus")
    assert not out.exists()
    assert not (tmp_path / "m").exists()


def test_an_output_that_cannot_be_written_is_named(recipe_file, roots, tmp_path):
    (tmp_path / "file").touch()
    below = tmp_path / "file" / "corpus"
    check_error(
        percepkit("synth", "run", recipe_file, "--workers", 0, "--out", below, *options(roots)), str(below)
    )


def test_a_full_disk_is_one_line_and_the_run_resumes(recipe_file, roots, tmp_path):
    out, whole = tmp_path / "corpus", tmp_path / "whole"
    run = ("synth", "run", recipe_file, "--workers", 0, *options(roots))
    # A manifest and a plan fit into 30 kB, an item of one second does not.
    check_error(percepkit(*run, "--out", out, file_limit=30_000), str(out), "run again")
    assert not list(out.glob("shards/[0-9]*"))
    assert not list(out.glob("shards/.*"))
    assert percepkit(*run, "--out", out).returncode == 0
    assert percepkit(*run, "--out", whole).returncode == 0
    files = sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file())
    assert len(files) > 20
    for name in files:
        assert (out / name).read_bytes() == (whole / name).read_bytes()


def test_traceback_on_request(tmp_path):
    done = percepkit("--traceback", "synth", "plan", tmp_path / "no.yaml")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
