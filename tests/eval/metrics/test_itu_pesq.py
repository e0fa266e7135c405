"""PESQ: the known values of known files, and a status for everything that it cannot score."""

import csv

import numpy as np
import pytest
import soundfile

from percepkit.engine.child import Child
from percepkit.eval.metrics import _itu_pesq, score_all

BOTH = ["pesq_wb", "pesq_nb"]


@pytest.fixture(scope="session")
def pair(shared):
    folder = shared / "reference" / "pesq"
    return soundfile.read(folder / "speech.wav")[0], soundfile.read(folder / "speech_bab_0dB.wav")[0]


def words(n_words, seconds, *, sample_rate=16_000):
    """As many noise bursts as fit between pauses too long for PESQ to bridge."""
    x = np.random.default_rng(0).standard_normal(int(seconds * sample_rate)) * 0.1
    time = np.arange(len(x)) / sample_rate % (seconds / n_words)
    return (x * (time < 0.21)).astype(np.float32)


def test_anchors_of_the_reference_pair(pair, capfd):
    outcomes = score_all(BOTH, *pair, 16_000)
    assert outcomes["pesq_wb"].value == pytest.approx(1.0832337, abs=1e-6)
    assert outcomes["pesq_nb"].value == pytest.approx(1.6072081, abs=1e-6)
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_values_of_the_authors_matlab_code(shared):
    folder = shared / "reference" / "vbd"
    with open(folder / "reference.csv", newline="") as file:
        for row in csv.DictReader(file):
            clean, rate = soundfile.read(folder / "clean" / f"{row['name']}.wav")
            noisy, _ = soundfile.read(folder / "noisy" / f"{row['name']}.wav")
            value = score_all(["pesq_wb"], clean, noisy, rate)["pesq_wb"].value
            assert value == pytest.approx(float(row["pesq"]), abs=1e-4)


def test_child_process_gives_the_same_values(pair, monkeypatch):
    here = score_all(BOTH, *pair, 16_000)
    monkeypatch.setattr(_itu_pesq, "_SAFE_SECONDS", 1.0)
    child = score_all(BOTH, *pair, 16_000)
    assert [child[name].value for name in BOTH] == [here[name].value for name in BOTH]


def test_more_utterances_than_the_code_has_room_for_cost_one_cell_and_no_more():
    reference = words(60, 27)
    estimate = reference + 0.01 * np.random.default_rng(1).standard_normal(len(reference)).astype(np.float32)
    outcomes = score_all(["pesq_wb", "stoi", "si_sdr"], reference, estimate, 16_000)
    assert outcomes["pesq_wb"].status == "crashed"
    assert "50 utterances" in outcomes["pesq_wb"].reason
    assert outcomes["stoi"].status == outcomes["si_sdr"].status == "ok"
    after = score_all(["pesq_wb"], words(10, 20), estimate[: 20 * 16_000], 16_000)["pesq_wb"]
    assert after.status == "ok"  # the next call gets a new child


def test_time_limit_is_a_status(monkeypatch):
    with Child("subprocess:getoutput", timeout_seconds=0.2) as slow:
        monkeypatch.setattr(_itu_pesq, "_child", lambda: _Sleeper(slow))
        x = words(10, 20)
        assert score_all(["pesq_wb"], x, x, 16_000)["pesq_wb"].status == "timeout"


class _Sleeper:
    def __init__(self, child):
        self.child = child

    def call(self, **_):
        return self.child.call(cmd="sleep 9")


def test_reference_without_utterances():
    click = np.zeros(16_000)
    click[8_000:8_100] = 1e-3
    noise = np.random.default_rng(0).standard_normal(len(click))
    assert score_all(["pesq_nb"], click, noise, 16_000)["pesq_nb"].status == "no_utterances"


@pytest.mark.parametrize("gain", [1e-43, 1e-60])
def test_estimate_that_float32_cannot_hold_beside_the_reference(pair, gain):
    outcome = score_all(["pesq_wb"], pair[0], pair[1] * gain, 16_000)["pesq_wb"]
    assert outcome.status in {"backend_error", "silent_estimate"}


def test_shorter_than_a_quarter_of_a_second():
    x = np.random.default_rng(0).standard_normal(3_999)
    outcomes = score_all(BOTH, x, x, 16_000)
    assert {outcome.status for outcome in outcomes.values()} == {"too_short"}


def test_sample_rates(pair):
    outcomes = score_all(BOTH, *(x[::2] for x in pair), 8_000)
    assert (outcomes["pesq_wb"].status, outcomes["pesq_nb"].status) == ("rate_mismatch", "ok")
    assert score_all(BOTH, *pair, 4_000)["pesq_nb"].status == "rate_mismatch"
