"""The commands `enhance` and `baselines`: what they print, refuse and exit with."""

import json

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner

from percepkit.baselines.denoiser import Spec
from percepkit.baselines.dnn.card import Card, write_card
from percepkit.baselines.dnn.model_card import models_page
from percepkit.baselines.peers._peer import Peer
from percepkit.baselines.registry import load, names, peers
from percepkit.cli.enhance import baselines, enhance

APP = typer.Typer(pretty_exceptions_enable=False)
APP.command()(enhance)
APP.command()(baselines)


def run(*arguments: object, stdin: bytes | None = None):
    return CliRunner().invoke(APP, [str(argument) for argument in arguments], input=stdin, env={"COLUMNS": "200"})


def error_of(*arguments: object) -> str:
    """What the command raises; `main` prints it on one line and exits with 2."""
    result = run(*arguments)
    assert isinstance(result.exception, ValueError), result.output
    assert "\n" not in str(result.exception)
    return str(result.exception)


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "in" / "a.flac"
    path.parent.mkdir()
    soundfile.write(path, 0.01 * np.random.default_rng(0).standard_normal((16_001, 2)), 16_000)
    return path


def test_file(recording, tmp_path):
    result = run("enhance", recording, tmp_path / "b.wav", "--with", "wiener")
    assert result.exit_code == 0
    assert result.stdout.startswith("1 file done: 1.0 s of audio in ")
    assert "x real time" in result.stdout
    assert soundfile.info(tmp_path / "b.wav").frames == 16_001


def test_file_into_an_existing_folder(recording, tmp_path):
    assert run("enhance", recording, tmp_path, "--with", "highpass").exit_code == 0
    assert soundfile.info(tmp_path / "a.wav").channels == 2


def test_folder_reports_what_it_skipped(recording, tmp_path):
    (recording.parent / "bad.wav").write_bytes(b"nothing")
    result = run("enhance", recording.parent, tmp_path / "out", "--with", "wiener")
    assert result.exit_code == 0
    assert result.stdout.startswith("1 file done: 1.0 s of audio")
    assert "skipped" in result.stderr
    assert "bad.wav" in result.stderr
    assert (tmp_path / "out" / "a.wav").is_file()


def test_existing_file_needs_overwrite(recording, tmp_path):
    (tmp_path / "b.wav").write_bytes(b"old")
    message = error_of("enhance", recording, tmp_path / "b.wav", "--with", "wiener")
    assert message.endswith("b.wav: exists already; pass --overwrite to replace it")
    assert (tmp_path / "b.wav").read_bytes() == b"old"
    assert run("enhance", recording, tmp_path / "b.wav", "--with", "wiener", "--overwrite").exit_code == 0


def test_same_file_is_refused(recording):
    message = error_of("enhance", recording, recording, "--with", "wiener", "--overwrite")
    assert "input and output are the same file" in message


def test_kept_results_are_counted(recording, tmp_path):
    soundfile.write(recording.parent / "b.wav", np.zeros(100), 8_000)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b.wav").write_bytes(b"old")
    result = run("enhance", recording.parent, tmp_path / "out", "--with", "wiener")
    assert "existing results kept: 1;" in result.stderr


def test_unknown_name_lists_the_valid_ones(recording, tmp_path):
    message = error_of("enhance", recording, tmp_path / "b.wav", "--with", "magic")
    assert all(name in message for name in ["magic", "wiener", "highpass", "spectral-subtraction"])


@pytest.mark.parametrize("name", [name for name in names() if load(name).spec.needs == "stems"])
def test_oracles_are_refused_with_the_reason(recording, tmp_path, name):
    message = error_of("enhance", recording, tmp_path / "b.wav", "--with", name)
    assert "needs the clean stems" in message
    assert "highpass, " in message.partition("choose from")[2]
    assert "oracle" not in message.partition("choose from")[2]


def test_missing_input(tmp_path):
    assert "none.wav: no such file" in error_of(
        "enhance", tmp_path / "none.wav", tmp_path / "b.wav", "--with", "wiener"
    )


def test_clipping_is_reported(tmp_path, monkeypatch):
    (tmp_path / "loud.py").write_text("def louder(noisy, sample_rate):\n    return 100 * noisy\n")
    monkeypatch.syspath_prepend(tmp_path)
    soundfile.write(tmp_path / "a.wav", np.full(50, 0.5), 8_000)
    result = run("enhance", tmp_path / "a.wav", tmp_path / "b.wav", "--with", "loud:louder")
    assert "clipped 50 samples above full scale" in result.stderr


def test_table_lists_every_denoiser_with_its_latency():
    result = run("baselines")
    assert result.exit_code == 0
    assert all(name in result.stdout for name in names())
    assert "19.9 ms" in result.stdout
    assert "oracle" in result.stdout


def test_help_has_an_example():
    assert "percepkit enhance recordings/ cleaner/ --with wiener" in run("enhance", "--help").stdout


def test_pcm_stream_equals_the_file(recording, tmp_path):
    samples, _ = soundfile.read(recording, dtype="int16")
    result = run(
        "enhance",
        "-",
        "--with",
        "wiener",
        "--pcm",
        "s16le",
        "--rate",
        16_000,
        "--channels",
        2,
        stdin=samples.tobytes(),
    )
    assert result.exit_code == 0, result.output
    assert run("enhance", recording, tmp_path / "b.wav", "--with", "wiener").exit_code == 0
    expected, _ = soundfile.read(tmp_path / "b.wav", dtype="int16")
    found = np.frombuffer(result.stdout_bytes, "<i2").reshape(-1, 2)
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_meters_show_levels_attenuation_and_speed(recording, tmp_path):
    result = run("enhance", recording, tmp_path / "b.wav", "--with", "wiener")
    for shown in ("a.flac", "in ", "out ", "attenuation", "of real time"):
        assert shown in result.stderr
    quiet = run("enhance", recording, tmp_path / "c.wav", "--with", "wiener", "--quiet")
    assert quiet.exit_code == 0
    assert quiet.stderr == ""


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["-"], "give --pcm FORMAT and --rate HZ"),
        (["-", "--pcm", "s16le"], "give --pcm FORMAT and --rate HZ"),
        (["-", "out.wav", "--pcm", "s16le", "--rate", 8_000], "reads stdin and writes stdout: give - as IN"),
        (["in.wav", "--pcm", "s16le", "--rate", 8_000], "reads stdin and writes stdout: give - as IN"),
        (["in.wav"], "OUT is missing"),
        (["-", "--pcm", "mp3", "--rate", 8_000], "no sample format is called 'mp3'; choose from s16le"),
    ],
)
def test_streams_say_what_they_need(arguments, expected):
    assert expected in error_of("enhance", *arguments, "--with", "wiener")


def test_denoisers_of_whole_recordings_do_not_stream(tmp_path, monkeypatch):
    (tmp_path / "whole.py").write_text("def same(noisy, sample_rate):\n    return noisy\n")
    monkeypatch.syspath_prepend(tmp_path)
    message = error_of("enhance", "-", "--pcm", "s16le", "--rate", 8_000, "--with", "whole:same")
    assert "whole:same works on whole recordings and not on a stream" in message
    assert "wiener" in message


def test_list_as_json():
    rows = {row["name"]: row for row in json.loads(run("baselines", "--json").stdout)}
    assert sorted(rows) == sorted([*names(), *peers()])
    assert rows["wiener"]["latency_ms"] == pytest.approx(19.9, abs=0.05)
    assert rows["wiener"]["kind"] == "denoiser"
    assert rows["wiener"]["cost_percent"] is None
    assert rows["oracle-irm"]["latency_ms"] is None
    assert rows["oracle-irm"]["kind"] == "oracle"
    assert rows["peer-webrtc-2"]["latency_ms"] == 6
    assert rows["peer-webrtc-2"]["cost_percent"] is None
    assert all(row["paper"] for row in rows.values())


def test_costs_are_measured_on_request(monkeypatch):
    monkeypatch.setattr("percepkit.baselines.registry.names", lambda: ["highpass", "oracle-irm"])
    monkeypatch.setattr("percepkit.baselines.registry.peers", dict)
    rows = json.loads(run("baselines", "--json", "--cost").stdout)
    assert all(0 < row["cost_percent"] < 1_000 for row in rows)
    assert "% of a core" in run("baselines", "--cost").stdout


def test_costs_of_peers_are_measured_at_their_rate(monkeypatch):
    asked = []

    def process(noisy, sample_rate):
        asked.append(sample_rate)
        return noisy

    spec = Spec("peer-same", "Passes.", paper="none", native_sample_rates=(48_000,))
    monkeypatch.setattr("percepkit.baselines.registry.names", list)
    known = {"peer-same": Peer(spec, "numpy", process, delay_samples=96)}
    known["peer-absent"] = Peer(spec, "no_such_package_anywhere", process)
    monkeypatch.setattr("percepkit.baselines.registry.peers", lambda: known)
    absent, same = json.loads(run("baselines", "--json", "--cost").stdout)
    assert set(asked) == {48_000}
    assert same["latency_ms"] == 2
    assert same["cost_percent"] >= 0
    assert absent["cost_percent"] is None


def test_all_about_one_denoiser():
    told = dict(line.split(": ", 1) for line in run("baselines", "wiener").stdout.splitlines())
    assert told["kind"] == "denoiser"
    assert told["invariances"] == "level"
    assert "parameters" not in told
    row = json.loads(run("baselines", "wiener", "--json").stdout)
    assert row["name"] == "wiener"
    assert "no denoiser is called 'winner'" in error_of("baselines", "winner")


def test_a_network_is_told_by_its_card(tmp_path):
    data = {"recipe": {"split": "train"}, "speech_files": 3, "labelled_speakers": 2}
    about = {
        "bits": 8, "config": {"loss": {"mse": 1.0}}, "hours_trained": 2.5, "epoch": 3, "seed": 4,
        "onnx_difference": 0.01, "versions": {"torch": "2"}, "data": {"train": data}, "scores": {"si_sdr": 9.0},
        "scores_noisy": {"si_sdr": 5.0}, "limits": "Heard three files.",
    }  # fmt: skip
    card = Card("net", "A net.", "Nobody, 2026", 48_000, "percepnet", "gains", "percepnet", parameters=1_234,
                macs_per_second=5e6, about=about)  # fmt: skip
    write_card(card, tmp_path / "net.json")
    (tmp_path / "net.onnx").write_bytes(bytes(10_000))  # nothing is run
    text = run("baselines", tmp_path / "net.onnx").stdout
    for words in ("# net", "1,234 weights, matrices of 8 bits", "latency: 40 ms", "seed 4", "train, split: train",
                  "labelled speakers: 2", "si sdr: 9 (noisy 5)", "Heard three files.", "0.01 MB"):  # fmt: skip
        assert words in text
    row = json.loads(run("baselines", tmp_path / "net.onnx", "--json").stdout)
    assert (row["parameters"], row["macs_per_second"], row["file_mb"]) == (1_234, 5e6, 0.01)
    assert row["card"]["about"]["limits"] == "Heard three files."
    assert "| 48 kHz | 1,234 | 0.01 MB | 5 million | 40 ms | 3 files, 2 labelled speakers |" in models_page(
        [load(str(tmp_path / "net.onnx"))]
    )
