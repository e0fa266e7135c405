"""``percepkit eval`` from the outside: files, tables, and one-line errors."""

import re

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from percepkit.cli.eval import app
from percepkit.eval import metrics, score
from percepkit.eval.score import read_scores
from percepkit.synth import corpus as corpus_module


class FakeCorpus:
    sample_rate = 16_000
    items = pd.DataFrame(
        {
            "item": range(4),
            "shard": [0, 0, 1, 1],
            "status": ["ok", "ok", "silent", "ok"],
            "snr_db": [0.0, 10.0, 0.0, 10.0],
        }
    )

    def stem(self, item, name):
        generator = np.random.default_rng(item)
        speech = 0.1 * np.repeat(generator.uniform(0, 1, 20), 800) * generator.standard_normal(16_000)
        noise = 0.05 * generator.standard_normal(16_000)
        return {"clean": speech, "speech": speech, "noise": noise, "noisy": speech + noise}[name].astype("f4")


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(score, "open_corpus", lambda folder: FakeCorpus())
    monkeypatch.setattr(corpus_module, "open_corpus", lambda folder: FakeCorpus())


def run(*arguments):
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def test_run_writes_the_table_beside_us_and_prints_the_means():
    result = run("run", "folder/corpus", "--denoisers", "wiener,highpass", "--metrics", "si_sdr", "--workers", "0")
    assert result.exit_code == 0
    assert "1 items of the corpus were left out: silent" in result.stdout
    assert "all 9 scores were computed" in result.stdout
    assert "scores: corpus-scores.parquet" in result.stdout
    assert re.search(r"wiener +-?\d+\.\d \[-?\d+\.\d, -?\d+\.\d\] +3", result.stdout)
    assert sorted(set(read_scores("corpus-scores.parquet")["denoiser"])) == ["highpass", "noisy", "wiener"]


def test_limit_and_table_by_condition():
    run(
        "run",
        "corpus",
        "--denoisers",
        "highpass",
        "--metrics",
        "si_sdr,stoi",
        "--workers",
        "0",
        "--limit",
        "2",
    )
    assert len(read_scores("corpus-scores.parquet")) == 2 * 2 * 2
    result = run("table", "corpus-scores.parquet", "corpus", "--by", "snr_db")
    assert result.exit_code == 0
    assert result.stdout.index("snr_db 0 dB") < result.stdout.index("snr_db 10 dB")


def test_metrics_are_listed():
    result = run("metrics")
    assert result.exit_code == 0
    for name in metrics.names():
        assert re.search(rf"│ {name} ", result.stdout)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["run", "corpus", "--metrics", "mos", "--workers", "0"], "unknown metric 'mos'; valid ones: .*estoi"),
        (["run", "corpus", "--denoisers", "winner", "--workers", "0"], "winner.*wiener"),
        (["table", "nothing.parquet", "corpus"], "nothing.parquet.*found nothing"),
    ],
)
def test_errors_name_what_is_wrong(arguments, message):
    with pytest.raises(ValueError, match=message) as raised:
        run(*arguments)
    assert "\n" not in str(raised.value)


def test_report_calls_the_report(monkeypatch):
    from percepkit.eval.report import page

    calls = []
    monkeypatch.setattr(page, "write_report", lambda *a, **k: calls.append((*map(str, a), k["title"])))
    result = run("report", "s.parquet", "folder/corpus", "--out", "r.html")
    assert calls == [("s.parquet", "folder/corpus", "r.html", "corpus")]
    assert "report: r.html" in result.stdout
