"""A corpus and scores whose truth is known: every number is drawn from a fixed seed."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from percepkit.baselines.denoiser import Spec
from percepkit.eval.report.costs import Costs

LIFT = {
    "noisy": 0.0,
    "gate": -0.06,
    "high-pass": 0.03,
    "spectral": 0.13,
    "wiener": 0.24,
    "netlet": 0.52,
    "net": 0.71,
}
CEILING = {"oracle-magnitude": 1.9, "oracle-gains": 0.95, "oracle-comb": 1.21, "oracle-postfilter": 1.17}
CLASSES = ("babble", "white", "<script>alert(1)</script>", "keyboard", "rain on a very large tin roof")
METRICS = {
    "pesq_wb": (1.4, 1.0),
    "pesq_nb": (1.9, 1.1),
    "stoi": (0.78, 0.08),
    "estoi": (0.6, 0.15),
    "si_sdr": (4.0, 9.0),
}


class Scale:
    """A denoiser that scales; `needs` "stems" makes it an oracle."""

    def __init__(self, name, factor=0.5, needs="nothing", error=None):
        self.spec = Spec(name=name, summary=f"Scales by {factor}.", needs=needs)
        self._factor, self._error = factor, error
        if needs == "stems":
            self.for_item = lambda stems, sample_rate: Scale(name, factor)

    def __call__(self, noisy, sample_rate):
        if self._error:
            raise RuntimeError(self._error)
        return (noisy * self._factor).astype(noisy.dtype)

    def latency_samples(self, sample_rate):
        return 0


@dataclass
class Corpus:
    items: pd.DataFrame
    sample_rate: int = 16_000
    recipe: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(name="fake corpus", seed=7))

    def stem(self, item, name):
        row = self.items.set_index("item").loc[item]
        n = round(row["seconds"] * self.sample_rate)
        t = np.arange(n) / self.sample_rate
        draw = np.random.default_rng(item)
        pitch = 2 * np.pi * np.cumsum(120 + 40 * np.sin(2 * np.pi * (0.4 * t + item / 7))) / self.sample_rate
        voice = sum(np.sin(k * pitch) / k for k in range(1, 25))
        clean = 0.08 * voice * np.clip(np.sin(2 * np.pi * 1.3 * t), 0, None) ** 2
        noise = draw.standard_normal(n) * 0.04 * 10 ** (-row["snr_db"] / 20)
        stems = {"clean": clean, "speech": clean, "noise": noise, "noisy": clean + noise}
        return stems[name].astype(np.float32)


def make_items(n=60, *, seconds=2.0, rooms=True):
    draw = np.random.default_rng(3)
    number = np.arange(n)
    in_room = rooms & (number % 3 == 0)
    return pd.DataFrame(
        {
            "item": number,
            "item_id": [f"{k:06d}" for k in number],
            "shard": number // 20,
            "status": "ok",
            "reason": "",
            "speaker": [f"speaker {k % 4}" for k in number],
            "noise_class": [CLASSES[k % 5] for k in number],
            "snr_db": np.repeat([-5.0, 0.0, 5.0, 10.0, 15.0], -(-n // 5))[:n],
            "room": [f"room {k}" if yes else None for k, yes in enumerate(in_room)],
            "rt60": np.where(in_room, draw.uniform(0.2, 0.8, n), np.nan),
            "seconds": seconds,
        }
    )


def make_scores(items, names=(*LIFT, *CEILING), metrics=tuple(METRICS)):
    draw = np.random.default_rng(4)
    rows = []
    for row in items.itertuples():
        for metric in metrics:
            base, slope = METRICS[metric]
            hard = (row.snr_db - 5) / 20 + 0.1 * CLASSES.index(row.noise_class) + 0.1 * draw.standard_normal()
            for name in names:
                lift = {**LIFT, **CEILING}[name] + 0.05 * draw.standard_normal() * (name != "noisy")
                rows.append((row.item, name, metric, base + slope * (hard + lift) / 2, "ok", "", "1", 0.1))
    columns = ["item", "denoiser", "metric", "value", "status", "reason", "metric_version", "seconds"]
    return pd.DataFrame(rows, columns=columns)


def fail(scores, mask, status, reason):
    """Turn scores into typed failures."""
    scores.loc[mask, ["value", "status", "reason"]] = [np.nan, status, reason]


def load(name):
    if name == "net":
        return Scale(name, error="weights are missing")
    if name == "gate":
        raise ValueError("no module named 'gate'")
    return Scale(name, 0.3 + 0.1 * len(name) % 0.7, "stems" if name in CEILING else "nothing")


@pytest.fixture(scope="session")
def fakes():
    """What the tests build on, as one namespace (test folders are no packages)."""
    return SimpleNamespace(**globals())


@pytest.fixture(scope="session")
def scored():
    """Corpus and scores with two kinds of failure."""
    items = make_items()
    scores = make_scores(items)
    fail(
        scores,
        (scores["denoiser"] == "net") & (scores["item"] < 3),
        "denoiser_failed",
        "RuntimeError: out of memory",
    )
    fail(
        scores,
        (scores["denoiser"] == "gate") & (scores["metric"] == "pesq_wb") & (scores["item"] == 7),
        "silent_estimate",
        "all 32000 samples of the estimate are zero",
    )
    return Corpus(items), scores


@pytest.fixture(scope="session")
def small():
    """Corpus and scores with one metric: quick to draw."""
    items = make_items(10, seconds=0.5)
    names = ("noisy", "wiener", "high-pass", "oracle-gains")
    return Corpus(items), make_scores(items, names, metrics=("pesq_wb",))


@pytest.fixture(scope="session")
def page(scored):
    """The page of `scored`."""
    from percepkit.eval.report.page import render_page

    corpus, scores = scored
    costs = pd.DataFrame({"rtf": [0.2, 0.01, 0.02, 0.3], "latency_ms": [10.0, np.nan, 20.0, np.nan]})
    costs.index = ["net", "gate", "wiener", "netlet"]
    return render_page(
        scores,
        corpus,
        corpus_name="demo & co",
        title="Denoisers <on trial>",
        players=4,
        load=load,
        costs=Costs(costs),
    )


@pytest.fixture(scope="session")
def browser(tmp_path_factory, page, start_browser):
    """The page of `scored`, open in a browser that must have nothing to complain of in the end."""
    folder = tmp_path_factory.mktemp("browser")
    (folder / "report.html").write_text(page, encoding="utf-8")
    browser = start_browser(folder / "profile")
    try:
        browser.open(folder / "report.html")
        yield browser
        kinds = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        assert [event["params"] for event in browser.events if event["method"] in kinds] == []
    finally:
        browser.close()
