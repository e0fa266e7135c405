"""PESQ: the known values of known files, and a status for everything that it cannot score."""

import csv

import numpy as np
import pytest
import soundfile

from percepkit.engine.child import Child
from percepkit.eval.metrics import _itu_pesq, score_all

BOTH = ["pesq_wb", "pesq_nb"]


@pytest.fixture(autouse=True)
def forget():
    _itu_pesq._remembered.clear()


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
    assert outcomes["pesq_wb"].status == "too_many_utterances"
    assert "up to 60 utterances" in outcomes["pesq_wb"].reason
    assert outcomes["stoi"].status == outcomes["si_sdr"].status == "ok"


def test_code_that_overruns_its_arrays_costs_one_cell_and_no_more(monkeypatch):
    monkeypatch.setattr(_itu_pesq, "_MOST_UTTERANCES", 1000)
    reference = words(60, 27)
    estimate = reference + 0.01 * np.random.default_rng(1).standard_normal(len(reference)).astype(np.float32)
    outcomes = score_all(["pesq_wb", "si_sdr"], reference, estimate, 16_000)
    assert (outcomes["pesq_wb"].status, outcomes["si_sdr"].status) == ("crashed", "ok")
    assert "50 utterances" in outcomes["pesq_wb"].reason
    after = score_all(["pesq_wb"], words(10, 20), estimate[: 20 * 16_000], 16_000)["pesq_wb"]
    assert after.status == "ok"  # the next call gets a new child


@pytest.mark.parametrize("n_words, status", [(49, "ok"), (50, "too_many_utterances"), (55, "too_many_utterances")])
def test_no_number_from_more_utterances_than_there_is_room_for(n_words, status):
    x = words(n_words, 0.45 * n_words, sample_rate=8_000)
    assert score_all(["pesq_nb"], x, x, 8_000)["pesq_nb"].status == status


@pytest.mark.parametrize("rate", [8_000, 16_000])
@pytest.mark.parametrize("floor_db", [-100, -50, -30, -12])
def test_count_of_utterances_is_no_less_than_that_of_the_words_over_any_noise_floor(rate, floor_db):
    x = words(30, 15, sample_rate=rate)
    x = x + 0.1 * 10 ** (floor_db / 20) * np.random.default_rng(1).standard_normal(len(x))
    assert 30 <= _itu_pesq.most_utterances(x, rate) <= 31
    quiet = np.repeat(10 ** (-np.arange(10) * 3 / 20), len(x) // 10)  # some words 27 dB below others
    assert floor_db > -50 or _itu_pesq.most_utterances(x[: len(quiet)] * quiet, rate) >= 30


def test_value_is_computed_once_for_all_metrics_that_need_it(monkeypatch):
    calls = []
    monkeypatch.setattr(_itu_pesq, "score_pair", lambda *a: calls.append(a[2:]) or {"value": 2.0 + len(calls)})
    x, y = np.random.default_rng(0).standard_normal((2, 16_000))
    outcomes = score_all(["pesq_wb", "csig", "pesq_nb", "pesq_nb_raw", "covl"], x, y, 16_000)
    assert calls == [(16_000, "wb"), (16_000, "nb")]
    assert (outcomes["pesq_wb"].value, outcomes["pesq_nb"].value) == (3.0, 4.0)
    assert score_all(["pesq_wb"], x, -y, 16_000)["pesq_wb"].value == 5.0
    for i in range(100):
        score_all(["pesq_nb"], x[i:], y[i:], 16_000)
    assert len(_itu_pesq._remembered) == _itu_pesq._REMEMBERED


def test_raw_score_is_what_the_mapping_of_p_862_1_is_given(pair):
    for raw in (-0.5, 1.0, 2.5, 4.5):
        mapped = 0.999 + 4 / (1 + np.exp(-1.4945 * raw + 4.6607))
        assert _itu_pesq.raw_of_mos_lqo(mapped) == pytest.approx(raw, abs=1e-9)
    outcomes = score_all(["pesq_nb", "pesq_nb_raw"], *pair, 16_000)
    assert outcomes["pesq_nb_raw"].value == pytest.approx(1.969, abs=5e-4)  # as the ITU program prints it
    same = score_all(["pesq_nb_raw"], pair[0], pair[0], 16_000)["pesq_nb_raw"].value
    assert same == pytest.approx(4.5, abs=1e-4)


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
