"""What denoisers cost: a busy one, a hungry one, and those that cannot be measured."""

import math

import pytest
from typer.testing import CliRunner

from percepkit.cli.main import app
from percepkit.engine.tables import read_table
from percepkit.eval import cost
from percepkit.eval.cost import measure_cost, measure_here

GUEST = '''
import os, time
import numpy as np
from percepkit.baselines.denoiser import Spec

def busy(noisy, sample_rate):
    """Works a fifth of the signal's duration."""
    end = time.process_time() + 0.2 * len(noisy) / sample_rate
    while time.process_time() < end:
        pass
    return noisy

def hungry(noisy, sample_rate):
    """Takes 200 MB."""
    return noisy + 0 * np.ones(25_000_000).sum()

def fails(noisy, sample_rate):
    raise KeyError("nothing")

def dies(noisy, sample_rate):
    os.abort()

class Network:
    spec = Spec(name="network", summary="Network.", native_sample_rates=(8_000,), causal=True)
    parameters = 1234
    macs_per_second = 5e6
    file_mb = 0.25
    def __call__(self, noisy, sample_rate):
        return noisy
    def latency_samples(self, sample_rate):
        return 80
    def stream(self, sample_rate):
        raise NotImplementedError

network = Network()
'''


@pytest.fixture(autouse=True)
def guest(tmp_path, monkeypatch):
    (tmp_path / "cost_guest.py").write_text(GUEST)
    monkeypatch.syspath_prepend(tmp_path)


def test_every_denoiser_has_a_row_and_failures_a_reason():
    names = ["busy", "hungry", "fails", "dies", "network"]
    steps = []
    table = measure_cost(
        [f"cost_guest:{name}" for name in names] + ["oracle-gains"],
        16_000,
        seconds=1,
        progress=lambda *step: steps.append(step),
    )
    assert tuple(table) == cost.COLUMNS
    assert steps[-1] == (6, 6)
    rows = table.set_index(table["denoiser"].str.removeprefix("cost_guest:"))
    assert rows["status"].to_dict() == {
        "busy": "ok", "hungry": "ok", "fails": "denoiser_failed", "dies": "crashed", "network": "ok",
        "oracle-gains": "no_denoiser",
    }  # fmt: skip
    assert 0.19 < rows.loc["busy", "rtf"] < 0.5
    assert 180 < rows.loc["hungry", "peak_mb"] < 260
    assert rows.loc["busy", "peak_mb"] < 60
    assert math.isnan(rows.loc["busy", "latency_ms"])
    told = ["latency_ms", "parameters", "macs_per_second", "file_mb"]
    assert rows.loc["network", told].tolist() == [10, 1234, 5e6, 0.25]
    assert rows.loc["busy", told].isna().all()
    assert "KeyError" in rows.loc["fails", "reason"]
    assert "SIGABRT" in rows.loc["dies", "reason"]


def test_programs_are_counted_with_their_denoiser(tmp_path):
    program = tmp_path / "spin"
    program.write_text('#!/bin/sh\ni=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; cp "$1" "$2"\n')
    program.chmod(0o755)
    found = measure_here(f"cmd:{program} {{in}} {{out}}", 16_000, 1.0)
    assert found["rtf"] > 0.05


def test_command_prints_and_writes(tmp_path):
    out = tmp_path / "cost.parquet"
    arguments = [
        "eval",
        "cost",
        "highpass,oracle-gains",
        "--sample-rate",
        "8000",
        "--seconds",
        "1",
        "--out",
        str(out),
    ]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert "highpass" in result.stdout
    assert "oracle-gains: no_denoiser" in result.stdout
    table = read_table(out, kind="costs").set_index("denoiser")
    assert table.loc["highpass", "latency_ms"] == 0
    assert 0 < table.loc["highpass", "rtf"] < 0.1
    with pytest.raises(ValueError, match="no denoiser is called 'winner'"):
        CliRunner().invoke(app, ["eval", "cost", "winner"], catch_exceptions=False)
