"""Scores are computed once: what is taken over equals what would be computed, and nothing stale is taken over."""

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from percepkit.baselines.denoiser import Spec
from percepkit.engine.cluster import client
from percepkit.engine.tables import write_table
from percepkit.eval import score
from percepkit.eval.metrics import load
from percepkit.eval.reuse import COLUMNS
from percepkit.eval.score import read_scores, score_corpus

RATE = 16_000
METRICS = ("estoi", "si_sdr", "stoi")
N = 6


class SmallCorpus:
    """The reader's interface over signals made on the spot; numbers of the items may be others."""

    sample_rate = RATE

    def __init__(self, first=0):
        sounds = np.arange(N)
        self.items = pd.DataFrame({"item": sounds + first, "shard": 0, "status": "ok", "reason": ""})
        self.items["item_id"] = [f"{item:06d}" for item in self.items["item"]]
        self.items["checksum_noisy"] = [f"n{sound}" for sound in sounds]
        self.items["checksum_clean"] = [f"c{sound}" for sound in sounds]
        self.first = first

    def stem(self, item, name):
        generator = np.random.default_rng(int(item) - self.first)
        speech = 0.1 * np.repeat(generator.uniform(0, 1, 20), RATE // 20) * generator.standard_normal(RATE)
        noise = 0.05 * generator.standard_normal(RATE)
        return {"clean": speech, "noise": noise, "noisy": speech + noise}[name]


class Cut:
    """Limits its input; counts its calls, and fails where it is told to."""

    def __init__(self, name, limit, needs="nothing"):
        self.spec = Spec(name=name, summary="Limits.", needs=needs)
        self.limit, self.calls, self.broken = limit, 0, False

    def __call__(self, noisy, sample_rate):
        self.calls += 1
        if self.broken:
            raise RuntimeError("out of memory")
        return np.clip(noisy, -self.limit, self.limit)


@pytest.fixture
def world(monkeypatch):
    """A corpus, denoisers by name with the state they are in, and how often each metric was computed."""
    found = SimpleNamespace(corpus=SmallCorpus(), denoisers={}, states={}, computed=Counter())
    for number, name in enumerate("abc"):
        found.denoisers[name] = Cut(name, 0.05 + 0.03 * number)
    monkeypatch.setattr(score, "open_corpus", lambda folder: found.corpus)
    monkeypatch.setattr(score.registry, "load", lambda name: found.denoisers[name])
    monkeypatch.setattr(score, "code_digest", lambda name: found.states.get(name, "first"))
    for module in {id(load(name)): load(name) for name in METRICS}.values():
        monkeypatch.setattr(module, "score", counted(module, found.computed))
    return found


def counted(module, computed):
    score_of = module.score

    def counting(state, estimate):
        computed[module.SPEC.names[0]] += 1
        return score_of(state, estimate)

    return counting


def run(out, denoisers="ab", metrics=METRICS, **options):
    with client(0) as serial:
        return score_corpus("corpus", list(denoisers), metrics, out, client=serial, **options)


def calls(world):
    found = {name: denoiser.calls for name, denoiser in world.denoisers.items() if denoiser.calls}
    for denoiser in world.denoisers.values():
        denoiser.calls = 0
    return found


def check_against_a_fresh_run(path, tmp_path, **options):
    fresh = read_scores(run(tmp_path / "fresh.parquet", **options).path)
    pd.testing.assert_frame_equal(
        read_scores(path).drop(columns="seconds"), fresh.drop(columns="seconds"), check_exact=True
    )


def test_nothing_is_computed_twice(world, tmp_path):
    first = run(tmp_path / "s.parquet")
    before = read_scores(first.path)
    assert list(before) == list(COLUMNS)
    assert (first.n_reused, calls(world)) == (0, {"a": N, "b": N})
    steps = []
    again = run(tmp_path / "s.parquet", progress=lambda *step: steps.append(step))
    assert (again.n_items, again.n_resumed, again.n_reused) == (N, 0, 3 * N * len(METRICS))
    assert (calls(world), steps) == ({}, [(N, N)])
    pd.testing.assert_frame_equal(read_scores(again.path), before, check_exact=True)  # the time it took included


def test_an_added_denoiser_costs_itself(world, tmp_path):
    run(tmp_path / "s.parquet")
    calls(world)
    world.computed.clear()
    result = run(tmp_path / "s.parquet", "abc")
    assert calls(world) == {"c": N}
    assert set(world.computed.values()) == {N}
    check_against_a_fresh_run(result.path, tmp_path, denoisers="abc")


def test_an_added_metric_costs_itself(world, tmp_path):
    run(tmp_path / "s.parquet", metrics=["stoi"])
    world.computed.clear()
    result = run(tmp_path / "s.parquet", metrics=["stoi", "si_sdr"])
    assert world.computed == {"si_sdr": 3 * N}
    check_against_a_fresh_run(result.path, tmp_path, metrics=["stoi", "si_sdr"])


def test_another_version_of_a_metric_costs_that_metric(world, tmp_path, monkeypatch):
    run(tmp_path / "s.parquet")
    world.computed.clear()
    module = load("si_sdr")
    monkeypatch.setattr(module, "SPEC", replace(module.SPEC, version="new"))
    result = run(tmp_path / "s.parquet")
    assert world.computed == {"si_sdr": 3 * N}
    versions = read_scores(result.path).groupby("metric")["metric_version"].unique()
    assert versions["si_sdr"].tolist() == ["new"]
    check_against_a_fresh_run(result.path, tmp_path)


def test_a_changed_denoiser_costs_itself(world, tmp_path):
    before = read_scores(run(tmp_path / "s.parquet").path)
    calls(world)
    world.states["b"], world.denoisers["b"].limit = "edited", 0.02
    result = run(tmp_path / "s.parquet")
    assert calls(world) == {"b": N}
    after = read_scores(result.path)
    ours = after["denoiser"] == "b"
    assert (after.loc[ours, "value"] != before.loc[ours, "value"]).all()
    check_against_a_fresh_run(result.path, tmp_path)


def test_changed_sound_costs_its_item(world, tmp_path):
    run(tmp_path / "s.parquet")
    calls(world)
    world.corpus.items.loc[2, "checksum_noisy"] = "other"
    stem = world.corpus.stem
    world.corpus.stem = lambda item, name: stem(40 if item == 2 else item, name)
    result = run(tmp_path / "s.parquet")
    assert calls(world) == {"a": 1, "b": 1}
    assert result.n_reused == 3 * (N - 1) * len(METRICS)
    check_against_a_fresh_run(result.path, tmp_path)


def test_scores_of_the_same_sound_are_found_in_another_table_under_another_number(world, tmp_path):
    run(tmp_path / "old.parquet")
    calls(world)
    world.corpus = SmallCorpus(first=100)
    result = run(tmp_path / "new" / "s.parquet", reuse=[tmp_path / "old.parquet"])
    assert calls(world) == {}
    assert read_scores(result.path)["item"].min() == 100
    check_against_a_fresh_run(result.path, tmp_path)


def test_recordings_go_by_the_name_of_the_item(world, tmp_path):
    world.denoisers["a"].spec = Spec(name="a", summary="Files.", needs="item", aligned=False)
    world.denoisers["a"].of_item = lambda item_id: world.denoisers["a"]
    run(tmp_path / "old.parquet")
    calls(world)
    world.corpus = SmallCorpus(first=100)
    run(tmp_path / "s.parquet", reuse=[tmp_path / "old.parquet"])
    assert calls(world) == {"a": N}


def test_failures_are_tried_again(world, tmp_path):
    world.denoisers["a"].broken = True
    run(tmp_path / "s.parquet")
    world.denoisers["a"].broken = False
    calls(world)
    result = run(tmp_path / "s.parquet")
    assert calls(world) == {"a": N}
    assert set(read_scores(result.path)["status"]) == {"ok"}


def test_undone_delays_are_scores_of_their_own(world, tmp_path):
    world.denoisers["b"].spec = replace(world.denoisers["b"].spec, aligned=False)
    run(tmp_path / "s.parquet")
    calls(world)
    run(tmp_path / "s.parquet", align=True)
    assert calls(world) == {"b": N}


def test_a_stopped_run_keeps_what_it_took_over(world, tmp_path, monkeypatch):
    run(tmp_path / "s.parquet")
    stem = world.corpus.stem
    with monkeypatch.context() as context:
        context.setattr(world.corpus, "stem", lambda item, name: 1 / 0 if item == 5 else stem(item, name))
        with pytest.raises(RuntimeError, match="items 4 to 5"):
            run(tmp_path / "s.parquet", "abc")
    calls(world)
    result = run(tmp_path / "s.parquet", "abc")
    assert (result.n_resumed, calls(world)) == (4, {"c": 2})
    check_against_a_fresh_run(result.path, tmp_path, denoisers="abc")


def test_without_checksums_nothing_is_taken_over(world, tmp_path):
    world.corpus.items = world.corpus.items.drop(columns="checksum_clean")
    run(tmp_path / "s.parquet")
    assert run(tmp_path / "s.parquet").n_reused == 0


def test_tables_of_another_kind(world, tmp_path):
    for name in ("s.parquet", "other.parquet"):
        write_table(pd.DataFrame({"item": [0]}), tmp_path / name, kind="plan")
    with pytest.raises(ValueError, match=r"other.parquet: expected a table of kind 'scores'"):
        run(tmp_path / "s.parquet", reuse=[tmp_path / "other.parquet"])
    assert run(tmp_path / "s.parquet").n_reused == 0


def test_tables_from_before_there_were_keys_hold_nothing(world, tmp_path):
    path = run(tmp_path / "s.parquet").path
    write_table(read_scores(path).drop(columns="key"), path, kind="scores")
    assert run(path).n_reused == 0
