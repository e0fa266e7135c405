"""``manifest duplicates`` and ``manifest score``: what they print and write."""

import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from percepkit.audio.files import read, write
from percepkit.cli.manifest import app
from percepkit.manifests.demo import demo_folder
from percepkit.manifests.table import read_manifest

JUDGES = """
def judge(x, sample_rate):
    if abs(x).max() < 0.1:
        raise RuntimeError("too quiet")
    return 1

def never(x, sample_rate):
    raise OSError
"""


def run(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def folders(tmp_path):
    """Two manifests: three utterances, and elsewhere a quiet copy of the first and an equal one of the second."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    for i, file in enumerate(sorted((demo_folder() / "speech").rglob("*.flac"))[:3]):
        x, rate = read(file, channel=0)
        write(tmp_path / "a" / f"{i}.wav", x, rate)
        if i < 2:
            write(tmp_path / "b" / ("quiet.wav", "new\nline.flac")[i], (0.1, 1)[i] * x, rate)
    for name in ("a", "b"):
        run("scan", tmp_path / name, "--kind", "speech", "--out", tmp_path / f"{name}.parquet", "--workers", 0)
    return tmp_path


def test_copies_are_reported_and_written_into_each_manifest(folders):
    files = [folders / "a.parquet", folders / "b.parquet"]
    roots = [f"--root=a={folders / 'a'}", f"--root=b={folders / 'b'}", "--workers", 0]
    before = [file.read_bytes() for file in files]
    only = run("duplicates", *files, *roots, "--check").stdout
    assert [file.read_bytes() for file in files] == before
    shown = run("duplicates", *files, *roots).stdout
    assert shown.startswith(only)
    assert "5 files: 2 copies of 2 others; 1 groups are equal in every sample, 1 are alike" in shown
    assert "  a/0.wav = b/quiet.wav\n" in shown
    assert r"  a/1.wav = b/new\nline.flac" in shown
    assert read_manifest(files[0])["duplicate_of"].tolist() == [None] * 3
    assert read_manifest(files[1])["duplicate_of"].tolist() == ["a/1.wav", "a/0.wav"]
    assert "2 files are copies of 2 others" in run("show", files[1]).stdout
    assert "copies of" not in run("show", files[0]).stdout
    with pytest.raises(ValueError, match="no folder given for root 'b'; add --root b=FOLDER"):
        run("duplicates", *files, roots[0])


def test_scores_are_written_and_failures_told(folders, monkeypatch):
    (folders / "judge_of_command.py").write_text(JUDGES)
    monkeypatch.syspath_prepend(folders)
    monkeypatch.delitem(sys.modules, "judge_of_command", raising=False)
    command = ["score", folders / "b.parquet", f"--root=b={folders / 'b'}", "--workers", 0, "--with"]
    shown = run(*command, "judge_of_command:judge")
    assert "1 files: 1 to 1, median 1" in shown.stdout
    assert "note: quiet.wav: judge_of_command:judge raised RuntimeError: too quiet" in shown.stdout
    found = read_manifest(folders / "b.parquet")["quality"]
    assert found[0] == 1
    assert np.isnan(found[1])
    assert "quality" in run("show", folders / "b.parquet").stdout
    assert run(*command, "judge_of_command:never").exit_code == 1
    with pytest.raises(ValueError, match="cannot import 'nobody'"):
        run(*command, "nobody:knows")


def test_show_prints_what_was_measured(folders):
    shown = " ".join(run("show", folders / "a.parquet").stdout.split())
    for name in ("bandwidth", "active share", "clipped", "DC offset"):
        assert f"{name} │ median" in shown
    assert "quality" not in shown
