"""Scores by somebody else's function: one number a file, and a note where there is none."""

import sys

import numpy as np
import pandas as pd
import pytest

from percepkit.audio.files import write
from percepkit.engine.cluster import client
from percepkit.manifests import score as module
from percepkit.manifests.scan import scan
from percepkit.manifests.score import score_files

RATE = 8000
JUDGES = """
import os, signal, time
import numpy as np

def loudness(x, sample_rate):
    assert x.dtype == np.float32 and x.ndim == 1
    return np.array(float(abs(x).max()) * sample_rate)

def picky(x, sample_rate):
    if x[0] > 0.25:
        raise RuntimeError("too loud for me")
    if x[0] > 0.15:
        return float("nan")
    x[:] = 0
    return "high" if x.mean() else 4

def wordy(x, sample_rate):
    return "good"

def moody(x, sample_rate):
    if x[0] > 0.25:
        os.kill(os.getpid(), signal.SIGSEGV)
    if x[0] > 0.15:
        time.sleep(600)
    return 4

number = 5
"""


@pytest.fixture
def table(tmp_path, monkeypatch):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "judges_of_tests.py").write_text(JUDGES)
    monkeypatch.syspath_prepend(tmp_path / "code")
    monkeypatch.delitem(sys.modules, "judges_of_tests", raising=False)
    for i in range(1, 4):
        write(tmp_path / "audio" / f"{i}.wav", mkdir(tmp_path) + np.full((RATE, 2), [i / 10, 0.9]), RATE)
    (tmp_path / "audio" / "bad.wav").write_text("no audio")
    with client(0) as serial:
        return scan(tmp_path / "audio", kind="speech", root_name="v", client=serial)


def mkdir(folder):
    (folder / "audio").mkdir(exist_ok=True)
    return 0


def score(table, function, tmp_path, **options):
    with client(0) as serial:
        return score_files(
            table, f"judges_of_tests:{function}", {"v": tmp_path / "audio"}, client=serial, **options
        )


def test_the_function_gets_the_first_channel_at_its_own_rate(table, tmp_path):
    calls = []
    found = score(table, "loudness", tmp_path, progress=lambda *call: calls.append(call))
    assert found["path"].tolist() == ["1.wav", "2.wav", "3.wav", "bad.wav"]
    np.testing.assert_allclose(found["quality"][:3], [0.1 * RATE, 0.2 * RATE, 0.3 * RATE], rtol=1e-3)
    assert np.isnan(found["quality"][3])
    assert found.attrs["notes"] == []  # the scan has said what is wrong with it
    assert calls[-1] == (3, 3)
    pd.testing.assert_frame_equal(found.drop(columns="quality"), table.drop(columns="quality"), check_like=True)


def test_what_fails_is_null_and_a_note(table, tmp_path):
    found = score(table, "picky", tmp_path)
    assert found["quality"].fillna(-1).tolist() == [4, -1, -1, -1]
    assert found.attrs["notes"] == [
        "2.wav: judges_of_tests:picky returned nan, expected a finite number",
        "3.wav: judges_of_tests:picky raised RuntimeError: too loud for me",
    ]
    assert score(table, "wordy", tmp_path)["quality"].isna().all()
    (tmp_path / "audio" / "1.wav").unlink()
    assert score(table, "loudness", tmp_path).attrs["notes"][0].startswith("1.wav: ")


def test_what_hangs_or_crashes_is_null_and_a_note_and_no_end_of_the_run(table, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_TIMEOUT_SECONDS", 2.0)
    table = pd.concat([table, table.iloc[:1]], ignore_index=True)  # one more behind them
    found = score(table, "moody", tmp_path)
    assert found["quality"].fillna(-1).tolist() == [4, -1, -1, -1, 4]
    assert found.attrs["notes"] == [
        "2.wav: judges_of_tests:moody took longer than 2 s and was stopped",
        "3.wav: judges_of_tests:moody ended its process by SIGSEGV",
    ]


def test_the_process_of_the_function_ends_with_the_run(table, tmp_path):
    score(table, "loudness", tmp_path)
    assert module._child.cache_info().currsize == 0


def test_workers_find_the_same(table, tmp_path):
    alone = score(table, "picky", tmp_path)
    with client(2, processes=False) as threads:
        found = score_files(table, "judges_of_tests:picky", {"v": tmp_path / "audio"}, client=threads)
    pd.testing.assert_frame_equal(found, alone)
    assert found.attrs == alone.attrs


def test_what_is_no_function_or_has_no_root_is_refused_before_any_work(table, tmp_path):
    with pytest.raises(ValueError, match=r"'judges_of_tests:number' is not a function; expected one of"):
        score(table, "number", tmp_path)
    with pytest.raises(ValueError, match=r"has no 'nobody'; give MODULE:FUNCTION"):
        score(table, "nobody", tmp_path)
    with (
        client(0) as serial,
        pytest.raises(ValueError, match=r"no folder given for root 'v'; add --root v=FOLDER"),
    ):
        score_files(table, "judges_of_tests:loudness", {}, client=serial)


def test_a_path_that_leaves_its_root_is_a_note(table, tmp_path):
    table.loc[0, "path"] = "../secret.wav"
    found = score(table, "loudness", tmp_path)
    assert np.isnan(found["quality"][0])
    assert "must be relative and stay inside" in found.attrs["notes"][0]
