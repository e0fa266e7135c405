"""Scoring a corpus: complete rows, typed failures, the same table however the work was cut, and resume."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from percepkit.baselines.denoiser import Spec
from percepkit.baselines.registry import load
from percepkit.engine.cluster import client
from percepkit.engine.tables import read_table
from percepkit.eval import score
from percepkit.eval.metrics import score_all
from percepkit.eval.reuse import COLUMNS
from percepkit.eval.score import enhance_item, read_scores, score_corpus

RATE = 16_000
METRICS = ["stoi", "estoi", "si_sdr"]


class FakeCorpus:
    """The reader's interface over signals made on the spot; items 3 and 8 were not rendered."""

    sample_rate = RATE

    def __init__(self, n_items=10, checksum="a"):
        status = ["silent" if item in (3, 8) else "ok" for item in range(n_items)]
        self.items = pd.DataFrame(
            {
                "item": range(n_items),
                "shard": [i // 6 for i in range(n_items)],
                "status": status,
                "sum": checksum,
            }
        )

    def stem(self, item, name):
        generator = np.random.default_rng(item)
        n_samples = RATE
        envelope = np.repeat(generator.uniform(0, 1, 20), n_samples // 20)
        speech = (0.1 * envelope * generator.standard_normal(n_samples)).astype(np.float32)
        noise = (0.05 * generator.standard_normal(n_samples)).astype(np.float32)
        return {"clean": speech, "speech": speech, "noise": noise, "noisy": speech + noise}[name]


class Half:
    spec = Spec(name="half", summary="Half.")

    def __call__(self, noisy, sample_rate):
        noisy *= 0.5  # a guest that does not keep its hands off its input
        return noisy


class Rude:
    """Fails in another way on every item."""

    spec = Spec(name="rude", summary="Rude.")

    def __init__(self, corpus):
        self.number = {corpus.stem(i, "noisy").tobytes(): i for i in range(10)}

    def __call__(self, noisy, sample_rate):
        item = self.number[noisy.tobytes()]
        if item == 0:
            raise KeyError("some\nthing")
        return {
            1: noisy[:-1],
            2: np.full_like(noisy, np.nan),
            4: np.zeros_like(noisy),
            5: noisy[:, None],
            6: (noisy * 100).astype(int),
            7: "no array",
        }.get(item, noisy)


class CleanOracle:
    spec = Spec(name="oracle", summary="Clean plus a tenth of the noise.", needs="stems")

    def for_item(self, stems, sample_rate):
        assert set(stems) == {"noisy", "clean", "speech", "noise"}
        return lambda noisy, rate: stems["clean"] + 0.1 * stems["noise"]


@pytest.fixture
def world(monkeypatch):
    """A corpus, and denoisers by name."""
    corpus = FakeCorpus()
    denoisers = {"half": Half(), "rude": Rude(corpus), "oracle": CleanOracle()}
    opened = SimpleNamespace(corpus=corpus, denoisers=denoisers)
    monkeypatch.setattr(score, "open_corpus", lambda folder: opened.corpus)
    monkeypatch.setattr(score.registry, "load", lambda name: opened.denoisers[name])
    return opened


def run(out, denoisers=("half", "oracle"), metrics=METRICS, **options):
    with client(0) as serial:
        return score_corpus("corpus", denoisers, metrics, out, client=serial, **options)


def test_every_item_denoiser_and_metric_has_its_row(world, tmp_path):
    done = []
    result = run(tmp_path / "scores.parquet", progress=lambda *step: done.append(step))
    assert (result.n_items, result.n_resumed, result.skipped) == (8, 0, {"silent": 2})
    assert done[-1] == (8, 8)
    assert [path.name for path in tmp_path.iterdir()] == ["scores.parquet"]
    scores = read_scores(result.path)
    assert list(scores) == list(COLUMNS)
    keys = list(scores[["item", "denoiser", "metric"]].itertuples(index=False, name=None))
    assert keys == sorted(
        (i, d, m) for i in (0, 1, 2, 4, 5, 6, 7, 9) for d in ("half", "noisy", "oracle") for m in METRICS
    )
    assert set(scores["status"]) == {"ok"}
    assert (scores["seconds"] > 0).all()
    row = scores[(scores["item"] == 5) & (scores["denoiser"] == "noisy") & (scores["metric"] == "stoi")].iloc[0]
    expected = score_all(["stoi"], world.corpus.stem(5, "clean"), world.corpus.stem(5, "noisy"), RATE)["stoi"]
    assert (row["value"], row["metric_version"]) == (expected.value, "1")


def test_what_denoisers_see_and_what_becomes_of_their_output(world, tmp_path):
    values = read_scores(run(tmp_path / "s.parquet").path).pivot(
        index="item", columns=["denoiser", "metric"], values="value"
    )
    # Halving changes no metric, and did not change the noisy input that came before or after.
    np.testing.assert_allclose(values["half"], values["noisy"], atol=1e-9)
    np.testing.assert_allclose(values["oracle"]["si_sdr"] - values["noisy"]["si_sdr"], 20, atol=0.3)


@pytest.mark.parametrize("stems, status", [(("noisy", "clean", "noise"), "ok"), (("noisy", "clean"), "no_noise")])
def test_metrics_that_need_the_noise_are_handed_it(world, tmp_path, stems, status):
    world.corpus.recipe = SimpleNamespace(stems=stems)
    scores = read_scores(run(tmp_path / "s.parquet", ["half"], ["si_sir", "si_sdr"]).path)
    assert set(scores[scores["metric"] == "si_sir"]["status"]) == {status}
    row = scores[(scores["item"] == 5) & (scores["denoiser"] == "half") & (scores["metric"] == "si_sir")].iloc[0]
    if status == "ok":
        signals = [world.corpus.stem(5, name) for name in ("clean", "noisy")]
        expected = score_all(["si_sir"], *signals, RATE, noise=world.corpus.stem(5, "noise"))["si_sir"].value
        assert row["value"] == pytest.approx(expected, abs=1e-9)


def test_failures_of_denoisers_are_rows(world, tmp_path):
    scores = read_scores(run(tmp_path / "s.parquet", ["rude", "half"]).path)
    rude = scores[(scores["denoiser"] == "rude") & (scores["metric"] == "si_sdr")].set_index("item")
    assert rude["status"].to_dict() == {
        0: "denoiser_failed",
        1: "length_mismatch",
        2: "nonfinite",
        4: "silent_estimate",
        5: "denoiser_failed",
        6: "denoiser_failed",
        7: "denoiser_failed",
        9: "ok",
    }
    assert rude["value"].notna().to_dict() == {item: item == 9 for item in rude.index}
    assert rude["reason"][0] == "KeyError: 'some\\nthing'"
    assert "15999 samples, the reference 16000" in rude["reason"][1]
    assert set(scores[scores["denoiser"] != "rude"]["status"]) == {"ok"}


def test_table_is_the_same_with_threads(world, tmp_path):
    alone = read_scores(run(tmp_path / "a.parquet").path)
    with client(2, processes=False) as two:
        score_corpus("corpus", ["oracle", "half"], METRICS[::-1], tmp_path / "b.parquet", client=two)
    together = read_scores(tmp_path / "b.parquet")
    pd.testing.assert_frame_equal(
        alone.drop(columns="seconds"), together.drop(columns="seconds"), check_exact=True
    )


def stop_at_item_6(world, monkeypatch):
    stem = world.corpus.stem
    monkeypatch.setattr(world.corpus, "stem", lambda item, name: 1 / 0 if item == 6 else stem(item, name))


def test_a_stopped_run_goes_on_where_it_was(world, tmp_path, monkeypatch):
    out = tmp_path / "s.parquet"
    with monkeypatch.context() as context:
        stop_at_item_6(world, context)
        with pytest.raises(RuntimeError, match="items 6 to 9"):
            run(out)
    parts = list((tmp_path / "s.parquet.parts").iterdir())
    assert len(parts) == 2
    assert not out.exists()
    (tmp_path / "s.parquet.parts" / f".part-1.{'0' * 32}.tmp.parquet").touch()  # what a kill leaves behind
    result = run(out)
    assert (result.n_items, result.n_resumed) == (8, 5)
    assert [path.name for path in tmp_path.iterdir()] == ["s.parquet"]
    pd.testing.assert_frame_equal(
        read_scores(out).drop(columns="seconds"),
        read_scores(run(tmp_path / "whole.parquet").path).drop(columns="seconds"),
        check_exact=True,
    )


@pytest.mark.parametrize("change", ["corpus", "denoisers", "metrics", "version"])
def test_parts_of_other_work_are_not_taken_over(world, tmp_path, monkeypatch, change):
    with monkeypatch.context() as context:
        stop_at_item_6(world, context)
        with pytest.raises(RuntimeError):
            run(tmp_path / "s.parquet")
    arguments = {}
    if change == "corpus":
        world.corpus = FakeCorpus(checksum="b")
    elif change == "version":
        monkeypatch.setattr(score, "code_digest", lambda name: "edited")
    else:
        arguments = {"denoisers": {"denoisers": ["half"]}, "metrics": {"metrics": ["stoi"]}}[change]
    assert run(tmp_path / "s.parquet", **arguments).n_resumed == 0


def test_limit_takes_the_first_items(world, tmp_path):
    result = run(tmp_path / "s.parquet", limit=4)
    assert sorted(set(read_scores(result.path)["item"])) == [0, 1, 2, 4]


def test_errors_come_before_the_work(world, tmp_path, monkeypatch):
    def refused(**options):
        with pytest.raises(ValueError) as raised:
            run(options.pop("out", tmp_path / "s.parquet"), **options)
        return str(raised.value)

    assert "unknown metric 'mos'; valid ones: " in refused(metrics=["mos"])
    assert "no metric to compute" in refused(metrics=[])
    assert "cannot write" in refused(out=tmp_path)
    world.corpus.items["status"] = "silent"
    assert "no item can be scored (their statuses: silent)" in refused()
    world.corpus.items = pd.DataFrame()
    assert "nothing is rendered yet" in refused()
    assert list(tmp_path.iterdir()) == []


def test_unknown_denoiser_lists_the_valid_ones(tmp_path):
    with client(0) as serial, pytest.raises(ValueError, match=r"'winner'.*wiener"):
        score_corpus("corpus", ["winner"], METRICS, tmp_path / "s.parquet", client=serial)


def test_scores_carry_their_kind(world, tmp_path):
    path = run(tmp_path / "s.parquet").path
    with pytest.raises(ValueError, match="expected a table of kind 'plan', found a table of kind 'scores'"):
        read_table(path, kind="plan")


class Native:
    def __init__(self, rates, factor=1):
        self.spec = Spec(name="native", summary=".", native_sample_rates=rates)
        self.calls = []
        self.factor = factor

    def __call__(self, noisy, sample_rate):
        self.calls.append((sample_rate, len(noisy)))
        return noisy[: len(noisy) * self.factor]


@pytest.mark.parametrize(
    "rates, used", [((16_000, 48_000), 16_000), ((8_000, 24_000, 48_000), 24_000), ((8_000,), 8_000)]
)
def test_native_rates_and_the_way_back(rates, used):
    n_samples = 7_001
    noisy = np.sin(2 * np.pi * 440 * np.arange(n_samples) / RATE).astype(np.float32)
    denoiser = Native(rates)
    enhanced = enhance_item(denoiser, {"noisy": noisy}, RATE)
    assert denoiser.calls == [(used, -(-n_samples * used // RATE))]
    assert enhanced.shape == noisy.shape
    assert np.abs(enhanced - noisy)[200:-200].max() < 1e-3  # still aligned in time


def test_output_of_a_wrong_length_stays_wrong_at_another_rate():
    noisy = np.ones(1_000, np.float32)
    assert len(enhance_item(Native((48_000,), factor=0), {"noisy": noisy}, RATE)) == 0


def test_a_denoiser_is_digested_once_in_a_run(world, tmp_path, monkeypatch):
    digested = []
    monkeypatch.setattr(score, "fingerprint_of", lambda name: digested.append(name) or name)
    run(tmp_path / "s.parquet", denoisers=["oracle", "half", "oracle"])
    assert sorted(digested) == ["half", "oracle"]


def test_code_of_a_denoiser_is_part_of_its_identity(tmp_path, monkeypatch):
    module = Path(tmp_path / "guest_denoiser.py")
    monkeypatch.syspath_prepend(tmp_path)
    module.write_text("def run(noisy, sample_rate):\n    return noisy\n")
    before = score.code_digest("guest_denoiser:run")
    module.write_text("def run(noisy, sample_rate):\n    return noisy * 1\n")
    assert score.code_digest("guest_denoiser:run") != before


def test_metrics_of_gains_are_scored_for_denoisers_that_show_them(world, tmp_path):
    world.corpus.recipe = SimpleNamespace(stems=("noisy", "clean", "noise"))
    world.denoisers["wiener"] = load("wiener")
    names = ["noise_attenuation", "si_sdr"]
    scores = read_scores(run(tmp_path / "s.parquet", ["half", "wiener"], names, limit=2).path)
    table = scores.pivot(index="item", columns=["denoiser", "metric"], values="status")
    assert table["half"]["noise_attenuation"].tolist() == ["no_gains"] * 2
    values = scores.set_index(["item", "denoiser", "metric"])["value"]
    assert values[0, "noisy", "noise_attenuation"] == pytest.approx(0, abs=1e-6)
    assert values[0, "wiener", "noise_attenuation"] > 3
    assert set(scores[scores["metric"] == "si_sdr"]["status"]) == {"ok"}
    world.corpus.recipe = SimpleNamespace(stems=("noisy", "clean"))
    scores = read_scores(run(tmp_path / "t.parquet", ["wiener"], names, limit=2).path)
    assert set(scores[scores["metric"] == "noise_attenuation"]["status"]) == {"no_noise"}
