"""The committed results of `benchmarks/studies.py` are whole, keep their limits, and are what the texts tell."""

import re
import sys
from dataclasses import asdict
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
LIMIT_PESQ = 0.03  # lost by weights of 8 bits
KEYS = ["study", "network", "objective", "loss", "look_ahead_frames", "int8", "seed"]
METRICS = ["pesq_wb", "estoi", "si_sdr"]


@pytest.fixture(scope="module")
def results():
    return pd.read_csv(REPOSITORY / "benchmarks" / "studies.csv")


def of(results, study):
    return results[results["study"] == study]


def test_the_rows_are_those_that_the_script_makes(results, monkeypatch):
    monkeypatch.syspath_prepend(str(REPOSITORY / "benchmarks"))
    import studies

    monkeypatch.delitem(sys.modules, "studies")
    wanted = [tuple(asdict(cell).values()) for cell in studies.cells()]
    found = [tuple(row) for row in results[KEYS].itertuples(index=False)]
    assert sorted(found) == sorted(wanted)
    epochs = {name: network.epochs for name, network in studies.NETWORKS.items()}
    assert (results["epochs"] == results["network"].map(epochs)).all()


def test_there_is_something_of_each_study_and_all_values_are_finite(results):
    assert {"matrix", "size", "look-ahead", "int8"} <= set(results["study"])
    assert list(of(results, "look-ahead")["look_ahead_frames"]) == [0, 1, 2, 3]
    assert of(results, "size")["weights"].min() < 60_000
    assert of(results, "size")["weights"].max() > 7_900_000
    whole = results["network"].str.startswith("wavenet")  # needs the whole signal: no latency can be told
    assert (results["latency_ms"].isna() == whole).all()
    numbers = results.drop(columns="latency_ms").select_dtypes("number")
    assert {*METRICS, "weights", "audio_hours", "core_percent", "pesq_wb_gain_error"} <= set(numbers)
    assert np.isfinite(numbers.to_numpy()).all()
    assert results["pesq_wb"].between(1, 4.64).all()


def test_all_rows_were_judged_on_the_same_items(results):
    assert results["items"].nunique() == 1
    for name, tolerance in {"pesq_wb": 3e-4, "estoi": 3e-5, "si_sdr": 3e-3}.items():
        noisy = results[name] - results[f"{name}_gain"]
        assert np.ptp(noisy) <= tolerance, name


def test_weights_of_8_bits_lose_little(results):
    pairs = of(results, "int8").pivot(index="network", columns="int8", values=["pesq_wb", "weights"])
    assert len(pairs) >= 4
    assert (pairs["weights"][False] == pairs["weights"][True]).all()
    assert (pairs["pesq_wb"][False] - pairs["pesq_wb"][True]).max() < LIMIT_PESQ


def test_look_ahead_is_latency(results):
    rows = of(results, "look-ahead")
    expected_ms = 20 - 1 / 16 + 10 * rows["look_ahead_frames"]
    assert np.allclose(rows["latency_ms"], expected_ms, atol=0.06)


def test_the_tables_of_the_readme_are_those_of_the_results(results):
    text = (REPOSITORY / "benchmarks" / "README.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| (?:size|look-ahead|int8) \|.*\|$", text, flags=re.MULTILINE))
    what = {
        "size": lambda row: f"{row.weights:,} weights",
        "look-ahead": lambda row: f"{row.latency_ms:.0f} ms",
        "int8": lambda row: "8 bits" if row.int8 else "float",
    }
    expected = {
        f"| {row.study} | {row.network}, {what[row.study](row)} | {row.audio_hours:.2f} h | "
        f"{row.pesq_wb_gain:+.3f} | {row.si_sdr_gain:+.2f} |"
        for row in results[results["study"].isin(list(what))].itertuples()
    }
    assert told == expected


def test_the_stored_notebook_shows_these_results(results):
    notebook = nbformat.read(REPOSITORY / "notebooks" / "05_training.ipynb", as_version=4)
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    shown = " ".join(str(output.get("data", {}).get("text/html", "")) for output in outputs)
    for study in ("size", "look-ahead", "seed"):
        for row in of(results, study).itertuples():
            for value in (row.pesq_wb_gain, row.estoi_gain, row.si_sdr_gain):
                assert f">{value:.3f}<" in shown, (study, row.network, value)
