import numpy as np
import pandas as pd
import pytest

from percepkit.eval.cost import COLUMNS, write_costs
from percepkit.eval.report.costs import read_costs
from percepkit.eval.report.roster import make_roster


def written(tmp_path, text):
    path = tmp_path / "costs.csv"
    path.write_text(text)
    return path


def test_costs_are_put_in_the_order_of_the_page(tmp_path, fakes):
    path = written(tmp_path, "denoiser,rtf,latency_ms,remark\nnet,0.5,\nwiener,0.001,20,fast\n")
    data = read_costs(path).data(make_roster(["noisy", "wiener", "net"], fakes.load))
    assert [column["label"] for column in data["columns"]] == ["Real-time factor", "Latency"]
    assert data["rows"] == [[None, None], [0.001, 20.0], [0.5, None]]


def test_what_was_measured_is_read(tmp_path, fakes):
    row = dict.fromkeys(COLUMNS, np.nan) | {"denoiser": "wiener", "rtf": 0.25, "peak_mb": 3.0, "status": "ok"}
    write_costs(pd.DataFrame([row]), tmp_path / "cost.parquet")
    data = read_costs(tmp_path / "cost.parquet").data(make_roster(["wiener"], fakes.load))
    assert [column["label"] for column in data["columns"]] == ["Real-time factor", "Memory"]
    assert data["rows"] == [[0.25, 3.0]]


@pytest.mark.parametrize(
    "text, message",
    [
        ("name,rtf\nnet,1\n", "expected the column denoiser and some of rtf, latency_ms.*found name, rtf"),
        ("denoiser,price\nnet,1\n", "found denoiser, price"),
        ("denoiser,rtf\nnet,1\nnet,2\n", "net stands in more than one row"),
        ("denoiser,rtf\nnet,fast\n", "numbers from 0 up in the column rtf"),
        ("denoiser,rtf\nnet,-1\n", "numbers from 0 up in the column rtf"),
        ("", "expected a table of costs as CSV"),
    ],
)
def test_other_tables_are_refused(tmp_path, text, message):
    with pytest.raises(ValueError, match=rf"costs\.csv: .*{message}"):
        read_costs(written(tmp_path, text))


def test_missing_table(tmp_path):
    with pytest.raises(ValueError, match=r"none\.csv: expected a table of costs"):
        read_costs(tmp_path / "none.csv")
