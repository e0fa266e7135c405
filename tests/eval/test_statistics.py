"""Intervals against SciPy's bootstrap and against the truth; summaries against single columns."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from percepkit.dsp.draws import key_of
from percepkit.eval import bootstrap
from percepkit.eval.statistics import mean_interval, paired_difference, summarise


@pytest.mark.parametrize("n, seed", [(12, 0), (60, 1), (400, 2)])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_bounds_agree_with_scipy(n, seed, confidence):
    values = np.random.default_rng(seed).exponential(size=n) ** 1.5  # skewed: BCa and percentile differ
    ours = mean_interval(values, key=seed, confidence=confidence)
    theirs = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=20_000,
        confidence_level=confidence,
        method="BCa",
        rng=np.random.default_rng(seed),
        batch=2000,
    )
    # The Monte-Carlo error of a bound is about 0.05 standard errors with 4000 resamples.
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.15 * theirs.standard_error)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.2 * theirs.standard_error)
    assert ours.mean == pytest.approx(values.mean())


def test_intervals_cover_the_expectation_as_often_as_they_say():
    samples = np.random.default_rng(3).normal(1.0, 2.0, size=(60, 400))  # 400 experiments of 60 values
    low, high = bootstrap.mean_bounds(samples, np.arange(60)[:, None], 1, 0.9)
    assert 0.85 < np.mean((low < 1) & (high > 1)) < 0.94


def test_clusters_widen_the_interval_as_theory_says():
    generator = np.random.default_rng(4)
    clusters = np.repeat(np.arange(40), 10)
    values = generator.normal(size=40)[clusters] + 0.1 * generator.normal(size=400)
    together = mean_interval(values, key=1, clusters=clusters)
    means = values.reshape(40, 10).mean(axis=1)
    of_means = mean_interval(means, key=1)
    assert (together.low, together.high) == pytest.approx((of_means.low, of_means.high), abs=1e-9)
    alone = mean_interval(values, key=1)
    assert together.high - together.low > 2.5 * (alone.high - alone.low)
    named = mean_interval(values, key=1, clusters=np.array([f"speaker {c:02d}" for c in clusters]))
    assert named == together


def test_too_few_values_have_no_interval():
    for values, n, mean in (([], 0, np.nan), ([np.nan, np.nan], 0, np.nan), ([np.nan, 2.0], 1, 2.0)):
        interval = mean_interval(np.array(values), key=1)
        assert interval.n == n
        np.testing.assert_equal([interval.mean, interval.low, interval.high], [mean, np.nan, np.nan])
    one_speaker = mean_interval(np.array([1.0, 2.0, 3.0]), key=1, clusters=np.zeros(3))
    np.testing.assert_equal([one_speaker.mean, one_speaker.low, one_speaker.high], [2.0, np.nan, np.nan])


@pytest.mark.parametrize("value", [0.0, 0.1, -1e6])
def test_equal_values_have_an_interval_without_width(value):
    interval = mean_interval(np.full(7, value), key=1)
    assert interval.low == interval.high == pytest.approx(value)


@pytest.mark.parametrize("n", [2, 5, 7])
def test_few_values_have_the_interval_of_student(n):
    values = np.random.default_rng(n).normal(size=n)
    interval = mean_interval(values, key=1)
    theirs = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx((theirs.low, theirs.high))


def test_same_key_same_interval_whatever_the_size_of_blocks(monkeypatch):
    values = np.random.default_rng(5).normal(size=50)
    first = mean_interval(values, key=7)
    monkeypatch.setattr(bootstrap, "_BLOCK", 1000)
    second = mean_interval(values, key=7)
    assert (first.low, first.high) == pytest.approx((second.low, second.high), abs=1e-12)
    assert mean_interval(values, key=8) != first


def test_pairing_removes_what_both_share():
    generator = np.random.default_rng(6)
    difficulty = generator.normal(0, 1, 300)
    a, b = difficulty + 0.1 + generator.normal(0, 0.05, 300), difficulty + generator.normal(0, 0.05, 300)
    a[:10], b[5:20] = np.nan, np.nan
    paired = paired_difference(a, b, key=1)
    assert paired.n == 280
    assert 0.08 < paired.low < 0.1 < paired.high < 0.12
    assert mean_interval(a, key=1).low < mean_interval(b, key=1).high  # unpaired, they cannot be told apart


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"values": np.ones((2, 2))}, r"expected values \[n\]"),
        ({"values": np.ones(3), "clusters": np.ones(2)}, "as many clusters"),
        ({"values": np.ones(3), "confidence": 95.0}, "between 0 and 1"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        mean_interval(**{"key": 1} | arguments)


def table(n_items=60, seed=0):
    generator = np.random.default_rng(seed)
    rows = [
        (item, denoiser, metric, 0.1 * generator.normal(level), "ok")
        for item in range(n_items)
        for denoiser, level in (("noisy", 1.0), ("good", 2.0), ("bad", 0.5))
        for metric in ("mine", "stoi")
    ]
    scores = pd.DataFrame(rows, columns=["item", "denoiser", "metric", "value", "status"])
    lost = (scores["denoiser"] == "bad") & (scores["item"] % 4 == 0) & (scores["metric"] == "stoi")
    scores.loc[lost, ["value", "status"]] = [np.nan, "too_short"]
    items = pd.DataFrame(
        {
            "item": range(n_items),
            "snr_db": np.linspace(-4.9, 4.9, n_items),
            "room": ["office" if item % 3 else None for item in range(n_items)],
            "speaker": [f"s{item % 5}" for item in range(n_items)],
        }
    )
    return scores, items


def test_summary_equals_every_column_alone():
    scores, items = table()
    summary = summarise(scores, items)
    assert len(summary) == 6
    wide = scores.pivot(index="item", columns=["denoiser", "metric"], values="value")
    for row in summary.itertuples():
        alone = mean_interval(wide[(row.denoiser, row.metric)].to_numpy(), key=key_of("summary"))
        assert (row.mean, row.low, row.high, row.n_ok) == pytest.approx(
            (alone.mean, alone.low, alone.high, alone.n), abs=1e-12
        )
        assert row.n == 60
        if row.denoiser == "noisy":
            assert np.isnan([row.delta, row.delta_low, row.delta_high]).all()
            assert row.delta_n == 0
        else:
            paired = paired_difference(
                wide[(row.denoiser, row.metric)].to_numpy(),
                wide[("noisy", row.metric)].to_numpy(),
                key=key_of("summary"),
            )
            assert (row.delta, row.delta_low, row.delta_high, row.delta_n) == pytest.approx(
                (paired.mean, paired.low, paired.high, paired.n), abs=1e-12
            )


def test_summary_counts_what_is_missing():
    scores, items = table()
    row = summarise(scores, items).set_index(["denoiser", "metric"]).loc[("bad", "stoi")]
    assert (row["n_ok"], row["n"], row["delta_n"]) == (45, 60, 45)


def test_summary_by_conditions():
    scores, items = table()
    summary = summarise(scores, items, ["snr_bin", "room"])
    assert list(summary["snr_bin"].cat.categories) == ["[-5, 0) dB", "[0, 5) dB"]
    assert list(summary["room"].cat.categories) == ["office", "none"]
    assert summary.groupby(["denoiser", "metric"], observed=True)["n"].sum().eq(60).all()
    chosen = items["item"][(items["snr_db"] < 0) & items["room"].notna()]
    expected = scores[scores["item"].isin(chosen) & (scores["denoiser"] == "good") & (scores["metric"] == "stoi")]
    row = summary.set_index(["denoiser", "metric", "snr_bin", "room"]).loc[
        ("good", "stoi", "[-5, 0) dB", "office")
    ]
    assert row["mean"] == pytest.approx(expected["value"].mean())


def test_summary_by_clusters_equals_the_column_alone():
    scores, items = table()
    row = summarise(scores, items, clusters=["speaker"]).set_index(["denoiser", "metric"]).loc[("good", "stoi")]
    values = scores[(scores["denoiser"] == "good") & (scores["metric"] == "stoi")]["value"].to_numpy()
    alone = mean_interval(values, key=key_of("summary"), clusters=items["speaker"].to_numpy())
    assert (row["low"], row["high"]) == pytest.approx((alone.low, alone.high), abs=1e-12)


def test_order_of_the_rows_plays_no_role():
    scores, items = table()
    shuffled = summarise(scores.sample(frac=1, random_state=1), items.sample(frac=1, random_state=2), ["room"])
    pd.testing.assert_frame_equal(shuffled, summarise(scores, items, ["room"]), rtol=1e-12)


def test_a_table_without_the_noisy_input_has_no_improvement():
    scores, items = table()
    assert summarise(scores[scores["denoiser"] != "noisy"], items)["delta"].isna().all()


def test_scores_of_another_corpus_are_refused():
    scores, items = table()
    with pytest.raises(ValueError, match=r"50 scored items \(first: 10\) are not in the corpus"):
        summarise(scores, items.head(10))
    with pytest.raises(ValueError, match="no column 'speeker' to make clusters of; columns: item, snr_db"):
        summarise(scores, items, clusters=["speeker"])
    with pytest.raises(ValueError, match="put it in a list"):
        summarise(scores, items, clusters="speaker")
    with pytest.raises(ValueError, match="no scores to average"):
        summarise(scores.head(0), items)


def test_bounds_stay_within_the_range_of_the_metric():
    scores, items = table(4)
    scores["value"] = np.repeat([0.99, 0.99, 0.99, 0.2], 6)
    found = summarise(scores, items).set_index(["metric", "denoiser"])
    assert found.loc[("mine", "noisy"), "high"] > 1 == found.loc[("stoi", "noisy"), "high"]
