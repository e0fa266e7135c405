"""The terminal table: order, intervals, improvements, gaps."""

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from percepkit.eval.statistics import summarise
from percepkit.eval.summary import failure_line, summary_sheets
from percepkit.eval.tables import terminal_table


def printed(tables):
    console = Console(file=io.StringIO(), width=160)
    for table in tables:
        console.print(terminal_table(table))
    return console.file.getvalue()


@pytest.fixture
def scores():
    generator = np.random.default_rng(0)
    rows = [
        (item, denoiser, metric, level + generator.normal() * spread, "ok")
        for item in range(30)
        for denoiser, level in (("noisy", 1.5), ("worse", 1.2), ("better", 2.4))
        for metric, spread in (("stoi", 0.01), ("pesq_wb", 0.1), ("si_sdr", 3.0))
    ]
    frame = pd.DataFrame(rows, columns=["item", "denoiser", "metric", "value", "status"])
    lost = (frame["denoiser"] == "worse") & (frame["metric"] == "si_sdr") & (frame["item"] < 5)
    frame.loc[lost, ["value", "status"]] = [np.nan, "silent_estimate"]
    return frame


ITEMS = pd.DataFrame({"item": range(30), "snr_db": [float(i % 2 * 10) for i in range(30)]})


def test_rows_are_ranked_by_wideband_pesq_and_show_mean_interval_and_improvement(scores):
    summary = summarise(scores, ITEMS)
    text = printed(summary_sheets(summary))
    assert text.index("better ") < text.index("noisy ") < text.index("worse ")
    assert text.index("pesq_wb") < text.index("si_sdr") < text.index("stoi")
    row = summary.set_index(["denoiser", "metric"]).loc[("better", "pesq_wb")]
    assert f"{row['mean']:.2f} [{row['low']:.2f}, {row['high']:.2f}]" in text
    assert f"{row['delta']:+.2f} [{row['delta_low']:.2f}, {row['delta_high']:.2f}]" in text
    assert "25 of 30" in text
    assert "pesq_wb ↑" in text
    assert "MOS-LQO" in text


def test_one_table_for_each_condition(scores):
    tables = summary_sheets(summarise(scores, ITEMS, ["snr_db"]), by=["snr_db"])
    assert [table.title for table in tables] == ["snr_db 0 dB", "snr_db 10 dB"]


def test_single_items_and_missing_values_print_without_interval(scores):
    one = scores[scores["item"] == 0]
    text = printed(summary_sheets(summarise(one, ITEMS)))
    assert "none of 1" in text
    assert "nan" not in text
    assert "[" not in text


def test_metrics_and_denoisers_that_are_not_there_anymore(scores):
    foreign = scores[scores["metric"] == "stoi"].assign(metric="mine")
    foreign = foreign[~(foreign["denoiser"] == "worse")]
    both = pd.concat([foreign, scores[scores["metric"] == "pesq_wb"]])
    text = printed(summary_sheets(summarise(both, ITEMS)))
    assert "mine" in text
    assert "worse" in text


def test_failures_in_one_line(scores):
    assert failure_line(scores) == "5 of 270 scores are missing: silent_estimate 5"
    assert failure_line(scores[scores["status"] == "ok"]) == "all 265 scores were computed"
