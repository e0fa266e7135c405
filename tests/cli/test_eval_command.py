"""``percepkit eval`` from the outside: files, tables, and one-line errors."""

import re
from pathlib import Path

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
            "noise_class": ["white"] * 4,
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


def test_what_was_scored_is_said_to_be_taken_over(monkeypatch):
    sums = {f"checksum_{stem}": [f"{stem}{item}" for item in range(4)] for stem in ("noisy", "clean")}
    monkeypatch.setattr(FakeCorpus, "items", FakeCorpus.items.assign(**sums))
    common = ("run", "corpus", "--metrics", "si_sdr", "--workers", "0", "--denoisers")
    assert "taken over" not in run(*common, "wiener").stdout
    result = run(*common, "wiener,highpass")
    assert "6 scores were taken over from earlier tables" in result.stdout
    result = run(*common, "wiener", "--out", "new.parquet", "--reuse", "corpus-scores.parquet", "--limit", "2")
    assert "4 scores were taken over from earlier tables" in result.stdout


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


@pytest.fixture
def scored():
    """Scores of two denoisers on the four items, made up."""
    from percepkit.engine.tables import write_table

    rows = [
        (item, name, metric, level + item / 100, "ok", "", "1", 0.0)
        for item in (0, 1, 3)
        for name, level in (("noisy", 0.5), ("good", 0.7), ("bad_one", 0.4))
        for metric in ("stoi", "pesq_wb")
    ]
    columns = ["item", "denoiser", "metric", "value", "status", "reason", "metric_version", "seconds"]
    table = pd.DataFrame(rows, columns=columns)
    lost = (table["denoiser"] == "good") & (table["item"] > 0)
    table.loc[lost, ["value", "status"]] = [np.nan, "crashed"]
    write_table(table, "s.parquet", kind="scores")


def test_compare_prints_writes_and_warns(scored):
    files = ["--csv", "c.csv", "--latex", "c.tex", "--markdown", "c.md"]
    result = run("compare", "s.parquet", "corpus", "bad_one", "noisy", "--clusters", "item", *files)
    assert result.exit_code == 0
    assert "no test: 3 items, 8 needed" in " ".join(result.stdout.split())
    assert "3 of 3" in result.stdout
    table = pd.read_csv("c.csv")
    assert table["difference"].tolist() == pytest.approx([-0.1, -0.1])
    for name in ("c.tex", "c.md"):
        assert r"bad\_one" in Path(name).read_text()
    result = run("compare", "s.parquet", "corpus", "good", "noisy", "--policy", "floor", "--metrics", "stoi")
    assert "ranks by stoi change with the policy" in result.stderr
    result = run("compare", "s.parquet", "corpus", "bad_one", "noisy", "--by", "snr_db", "--margin", "stoi=0.5")
    assert "0 dB" in result.stdout
    for wrong in ("stoi", "stoi=x", "=1"):
        with pytest.raises(ValueError, match=f"--margin {wrong}: expected METRIC=VALUE"):
            run("compare", "s.parquet", "corpus", "good", "noisy", "--margin", wrong)


def test_tables_in_other_formats(scored):
    result = run("table", "s.parquet", "corpus", "--format", "csv", "--policy", "floor")
    header, first = result.stdout.splitlines()[:2]
    assert header.startswith("denoiser,metric,mean,low,high,n_ok,n,delta")
    assert first.startswith("bad_one,pesq_wb,")
    assert run("table", "s.parquet", "corpus", "--format", "latex", "--out", "t.tex").stdout == ""
    assert r"bad\_one & 0.4" in Path("t.tex").read_text()
    with pytest.raises(ValueError, match="unknown format 'pdf'; choose from markdown, latex, csv"):
        run("table", "s.parquet", "corpus", "--format", "pdf")
    with pytest.raises(ValueError, match="--out: say --format"):
        run("table", "s.parquet", "corpus", "--out", "t.tex")
    assert "ranks by stoi change" in run("table", "s.parquet", "corpus").stderr


def test_items_lists_what_was_made_worse(scored):
    result = run("items", "s.parquet", "corpus", "bad_one", "--worse", "--csv", "i.csv")
    assert "3 of 3 items score worse than the noisy input by pesq_wb" in result.stdout
    assert pd.read_csv("i.csv")["improvement"].tolist() == pytest.approx([-0.1] * 3)
    assert (
        "1 of 3 items are the worst tenth by stoi"
        in run("items", "s.parquet", "corpus", "bad_one", "--metric", "stoi").stdout
    )


def test_profile_hears_the_noises(scored):
    result = run("profile", "s.parquet", "corpus", "--csv", "p.csv")
    table = pd.read_csv("p.csv").set_index(["denoiser", "aspect"])
    assert table.loc[("bad_one", "suppression, stationary"), "value"] == pytest.approx(-0.1)
    assert table.loc[("bad_one", "made worse"), "value"] == 1
    assert "voice distortion" in result.stdout
