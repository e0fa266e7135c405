"""Folders of files against folders of files: what belongs together, typed reasons, resume, table and report."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from percepkit.audio.files import read, write
from percepkit.cli.main import app
from percepkit.engine.cluster import client
from percepkit.engine.tables import read_table
from percepkit.eval import score_files as module
from percepkit.eval.metrics import score_all
from percepkit.eval.paired_files import KIND, match_files, open_material
from percepkit.eval.score import read_scores
from percepkit.eval.score_files import score_files

RATE = 8_000


def voice(seed, seconds=1.0, rate=RATE):
    generator = np.random.default_rng(seed)
    n_samples = int(seconds * rate)
    return 0.1 * np.repeat(generator.uniform(0, 1, 20), n_samples // 20) * generator.standard_normal(n_samples)


def put(path, x, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, x, rate)


@pytest.fixture
def folders(tmp_path):
    """Clean files, noisy ones beside them, and one estimate for every way to be wrong."""
    generator = np.random.default_rng(0)
    for number, name in enumerate(["a/good", "a/short", "b/late_rate", "b/stereo", "b/gone", "b/broken"]):
        clean = voice(number)
        noisy = clean + 0.02 * generator.standard_normal(len(clean))
        put(tmp_path / "clean" / f"{name}.wav", clean)
        put(tmp_path / "noisy" / f"{name}.flac", noisy)
        better = 0.5 * (clean + noisy)
        path = tmp_path / "mine" / f"{name}.wav"
        if name == "a/good":
            put(tmp_path / "mine" / "good.wav", better)  # flat, found by its file name
        elif name == "a/short":
            put(path, better[:-1])
        elif name == "b/late_rate":
            put(path, better, 16_000)
        elif name == "b/stereo":
            put(path, np.stack([better, better], axis=1))
        elif name == "b/broken":
            path.write_bytes(b"RIFF, but not quite")
    put(tmp_path / "mine" / "extra.wav", voice(9))
    return tmp_path


def run(folders, metrics=("si_sdr", "stoi"), **options):
    with client(0) as serial:
        return score_files(
            folders / "clean", {"mine": folders / "mine"}, metrics, folders / "s.parquet", client=serial, **options
        )


def test_every_cell_has_a_value_or_its_reason(folders):
    result = run(folders, noisy=folders / "noisy")
    assert (result.n_items, result.n_resumed, dict(result.unused)) == (6, 0, {"mine": ["extra.wav"], "noisy": []})
    ids = read_table(result.items, kind=KIND).set_index("item")["item_id"]
    scores = read_scores(result.path)
    assert len(scores) == 6 * 2 * 2
    scores["id"] = scores["item"].map(ids)
    mine = scores[(scores["denoiser"] == "mine") & (scores["metric"] == "si_sdr")].set_index("id")
    assert mine["status"].to_dict() == {
        "a/good": "ok",
        "a/short": "length_mismatch",
        "b/late_rate": "rate_mismatch",
        "b/stereo": "several_channels",
        "b/gone": "no_estimate",
        "b/broken": "unreadable",
    }
    assert "the estimate is at 16000 Hz, the reference at 8000 Hz" in mine.loc["b/late_rate", "reason"]
    assert "has no file b/gone.*" in mine.loc["b/gone", "reason"]
    assert set(scores[scores["denoiser"] == "noisy"]["status"]) == {"ok"}
    files = [read(folders / path, channel=0)[0] for path in ("clean/a/good.wav", "mine/good.wav")]
    assert mine.loc["a/good", "value"] == score_all(["si_sdr"], *files, RATE)["si_sdr"].value


def test_noise_is_what_the_noisy_file_adds(folders):
    scores = read_scores(run(folders, ["si_sir"], noisy=folders / "noisy").path)
    values = scores[scores["status"] == "ok"].set_index("denoiser")["value"]
    # The mean of clean and noisy holds half of the noise: 6.02 dB, but for the rounding to 16 bits.
    assert values["mine"] - values["noisy"].iloc[0] == pytest.approx(6.02, abs=0.02)
    alone = read_scores(run(folders, ["si_sir"]).path)
    assert "no_noise" in set(alone["status"])


def test_unreadable_reference_is_the_reason_of_all_its_cells(folders):
    (folders / "clean" / "a" / "good.wav").write_bytes(b"nothing")
    result = run(folders, noisy=folders / "noisy")
    items = open_material(result.items).items
    bad = items.set_index("item_id").loc["a/good"]
    assert bad["status"] == "unreadable"
    scores = read_scores(result.path)
    assert set(scores[scores["item"] == bad["item"]]["status"]) == {"unreadable"}


def stop_at_item_4(monkeypatch):
    score_item = module._score_item
    monkeypatch.setattr(
        module,
        "_score_item",
        lambda files, item, *wanted, **options: (
            1 / 0 if item == 4 else score_item(files, item, *wanted, **options)
        ),
    )


def without_times(path):
    return read_scores(path).drop(columns="seconds")


def test_a_stopped_run_goes_on_and_changed_files_are_scored_again(folders, monkeypatch):
    whole = without_times(run(folders).path)
    (folders / "s.parquet").unlink()
    with monkeypatch.context() as context:
        stop_at_item_4(context)
        with pytest.raises(RuntimeError, match="items 4 to 5"):
            run(folders)
    assert run(folders).n_resumed == 4
    pd.testing.assert_frame_equal(without_times(folders / "s.parquet"), whole)
    (folders / "s.parquet").unlink()
    with monkeypatch.context() as context:
        stop_at_item_4(context)
        with pytest.raises(RuntimeError):
            run(folders)
    put(folders / "mine" / "good.wav", voice(0))
    assert run(folders).n_resumed == 0


def test_files_that_are_as_they_were_are_not_scored_again(folders):
    first = run(folders, noisy=folders / "noisy")
    put(folders / "mine" / "good.wav", voice(0))
    again = run(folders, noisy=folders / "noisy")
    before, after = (read_scores(path) for path in (first.path, again.path))
    unstable = (before["status"] == "unreadable") | (before["status"] == "no_estimate")
    changed = (before["denoiser"] == "mine") & (
        before["item"] == before.loc[before["status"] == "ok", "item"].min()
    )
    assert again.n_reused == len(before) - int((unstable | changed).sum())
    assert after.loc[changed, "value"].isna().any()  # the SI-SDR of the clean file itself is infinite
    pd.testing.assert_frame_equal(
        after[~changed].drop(columns="seconds"), before[~changed].drop(columns="seconds"), check_exact=True
    )


def test_names_that_fit_several_files_are_not_guessed(tmp_path):
    for path in ("clean/x/one.wav", "clean/y/one.wav", "clean/x/two.wav", "est/one.wav", "est/p/two.wav"):
        put(tmp_path / path, voice(0))
    put(tmp_path / "est/q/two.wav", voice(0))
    put(tmp_path / "est/x/one.wav", voice(0))
    table, unused = match_files(tmp_path / "clean", {"est": tmp_path / "est"})
    rows = table.set_index("item_id")
    assert rows.loc["x/one", "path:est"] == str((tmp_path / "est/x/one.wav").resolve())
    assert "has no file y/one.*" in rows.loc["y/one", "problem:est"]  # est/one.wav might be either's
    assert "2 files in" in rows.loc["x/two", "problem:est"]
    assert unused == {"est": ["one.wav", "p/two.wav", "q/two.wav"]}
    assert rows["folder"].to_dict() == {"x/one": "x", "x/two": "x", "y/one": "y"}


def test_errors_of_the_whole_run(folders, tmp_path):
    put(tmp_path / "other" / "name.wav", voice(0))
    with pytest.raises(ValueError, match=r"none of its 1 files has the name of a reference.*manifest pair"):
        match_files(folders / "clean", {"other": tmp_path / "other"})
    put(folders / "clean" / "a" / "good.flac", voice(0))
    with pytest.raises(ValueError, match=r"a/good\.\*: several references"):
        run(folders)
    with client(0) as serial, pytest.raises(ValueError, match="means the unprocessed input"):
        score_files("x", {"noisy": "y"}, ["stoi"], tmp_path / "s.parquet", client=serial)


def test_command_table_and_report(folders, monkeypatch):
    monkeypatch.chdir(folders)

    def invoke(*arguments):
        result = CliRunner().invoke(app, ["eval", *arguments], catch_exceptions=False)
        assert result.exit_code == 0
        return result.stdout

    shown = invoke(
        "files", "clean", "mine", "same=clean", "--noisy", "noisy", "--metrics", "stoi,si_sdr", "--workers", "0"
    )
    assert "mine: no reference for extra.wav" in shown
    assert "no_estimate 2" in shown
    assert "95 % interval over items" in shown  # nobody knows the speakers
    table = invoke("table", "scores.parquet", "scores.files.parquet", "--by", "folder")
    assert table.index("folder a") < table.index("folder b")
    invoke("report", "scores.parquet", "scores.files.parquet", "--out", "report.html")
    page = (folders / "report.html").read_text()
    assert page.count("data:audio/ogg") == 6 * 2 + 6 + 1  # clean, noisy, same; mine could be heard once
    invoke("files", "clean", "mine", "--metrics", "stoi", "--out", "alone.parquet", "--workers", "0")
    invoke("report", "alone.parquet", "alone.files.parquet", "--out", "alone.html")
    assert "data:audio" not in (folders / "alone.html").read_text()


def test_folders_need_names_of_their_own(folders):
    with pytest.raises(ValueError, match="two folders of estimates are called 'mine'"):
        CliRunner().invoke(
            app, ["eval", "files", "c", str(folders / "mine"), "mine=other"], catch_exceptions=False
        )
