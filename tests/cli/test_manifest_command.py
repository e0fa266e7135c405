import numpy as np
import pytest
from typer.testing import CliRunner

from percepkit.audio.files import write
from percepkit.cli.manifest import app
from percepkit.manifests import scan as scan_module
from percepkit.manifests.table import read_manifest

RATE = 16000


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "voices"
    for i, speaker in enumerate(("anna", "ben")):
        (root / speaker).mkdir(parents=True)
        write(root / speaker / "1.wav", 0.1 * np.random.default_rng(i).standard_normal(RATE), RATE)
    (root / "ben/[red]\nbad.wav").write_text("hello")
    return root


def run(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def scan(folder, out, *more):
    return run("scan", folder, "--out", out, "--kind", "speech", "--workers", 0, *more)


def test_scan_writes_a_manifest_and_says_what_it_found(folder, tmp_path):
    result = scan(folder, tmp_path / "speech.parquet", "--pattern", "{speaker}/[0-9]*")
    assert result.exit_code == 0
    result = scan(folder, tmp_path / "speech.parquet", "--pattern", "{speaker}/*")
    shown = " ".join(result.stdout.split())
    assert "3, usable 2" in shown
    assert "16000 Hz: 2" in shown
    assert "ok: 2, unreadable: 1" in shown
    assert r"ben/[red]\nbad.wav: not audio" in shown
    frame = read_manifest(tmp_path / "speech.parquet")
    assert frame["root_name"].unique().tolist() == ["speech"]
    assert frame["speaker"].tolist() == ["anna", "ben", "ben"]


def test_show_repeats_the_summary(folder, tmp_path):
    first = scan(folder, tmp_path / "a.parquet", "--root-name", "corpus")
    shown = run("show", tmp_path / "a.parquet").stdout
    assert shown in first.stdout
    assert "speech from corpus" in shown


def test_a_second_run_reads_nothing_again(folder, tmp_path, monkeypatch):
    scan(folder, tmp_path / "a.parquet")
    before = (tmp_path / "a.parquet").read_bytes()
    (folder / "ben/[red]\nbad.wav").unlink()
    monkeypatch.setattr(scan_module, "measure", None)  # reading would fail
    scan(folder, tmp_path / "a.parquet")
    assert len(read_manifest(tmp_path / "a.parquet")) == 2
    assert (tmp_path / "a.parquet").read_bytes() != before


def test_notes_name_what_did_not_match(folder, tmp_path):
    result = scan(folder, tmp_path / "a.parquet", "--pattern", "{speaker}/1.wav")
    assert "note: 1 of 3 files do not match the pattern '{speaker}/1.wav'" in result.stdout


def test_notes_show_control_characters_and_do_not_obey_them(folder, tmp_path):
    (folder / "x\x1b[2J.wav").mkdir()
    shown = scan(folder, tmp_path / "a.parquet").stdout
    assert r"note: x\x1b[2J.wav: a folder named like a file" in shown
    assert "\x1b" not in shown


def test_long_lists_of_bad_files_are_cut(folder, tmp_path):
    for i in range(30):
        (folder / f"{i:02}.wav").write_text("x")
    shown = scan(folder, tmp_path / "a.parquet").stdout
    assert "and 11 more; all are in the manifest" in shown


def test_errors_name_the_file_before_any_work(folder, tmp_path):
    with pytest.raises(ValueError, match="none: no such folder"):
        scan(tmp_path / "none", tmp_path / "a.parquet")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty: no audio files"):
        scan(tmp_path / "empty", tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="cannot write"):
        scan(folder, tmp_path)
    (tmp_path / "notes.parquet").write_text("precious")
    with pytest.raises(ValueError, match=r"notes\.parquet"):
        scan(folder, tmp_path / "notes.parquet")
    assert (tmp_path / "notes.parquet").read_text() == "precious"
    assert not (tmp_path / "a.parquet").exists()


@pytest.mark.parametrize("command", [[], ["scan"], ["show"]])
def test_help_teaches(command):
    shown = run(*command, "--help").stdout
    assert "Example: " in shown or command == []
