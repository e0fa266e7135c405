"""Means of condition means: by hand, against SciPy's bootstrap, and beside the pooled ones."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from percepkit.eval.balance import balanced_summary, is_unbalanced
from percepkit.eval.statistics import summarise
from percepkit.eval.summary import balanced_sheet


@pytest.fixture(scope="module")
def uneven(items):
    """Items of which a third are of a hard class, and half of the rest of two easier ones."""
    return items.assign(noise_class=np.repeat(["babble", "rain", "traffic"], [100, 40, 10]))


LEVEL = {"babble": 1.0, "rain": 2.0, "traffic": 4.0}


def made(uneven, scores, seed=0):
    generator = np.random.default_rng(seed)
    level = uneven["noise_class"].map(LEVEL).to_numpy()
    noisy = level + 0.3 * generator.normal(size=len(uneven))
    return scores({"noisy": noisy, "net": noisy + 0.1 * level})


def test_every_condition_counts_the_same(uneven, scores):
    table = made(uneven, scores)
    found = balanced_summary(table, uneven, ["noise_class"]).set_index("denoiser")
    means = table.merge(uneven, on="item").groupby(["denoiser", "noise_class"])["value"].mean()
    for name in ("noisy", "net"):
        assert found.loc[name, "mean"] == pytest.approx(means[name].mean())
        assert found.loc[name, "low"] < found.loc[name, "mean"] < found.loc[name, "high"]
    assert found.loc["net", "delta"] == pytest.approx(0.1 * 7 / 3)
    assert found.loc["net", "delta_low"] == pytest.approx(0.1 * 7 / 3)  # the same within each class
    assert np.isnan(found.loc["noisy", "delta"])
    assert found.loc["net", ["conditions", "fewest", "most", "n", "n_ok"]].tolist() == [3, 10, 100, 150, 150]
    pooled = summarise(table, uneven).set_index("denoiser").loc["net", "mean"]
    assert found.loc["net", "mean"] > pooled + 0.5


def test_the_interval_is_that_of_scipy(uneven, scores):
    table = made(uneven, scores)
    own = balanced_summary(table, uneven, ["noise_class"]).set_index("denoiser").loc["net"]
    values = table[table["denoiser"] == "net"].set_index("item")["value"].to_numpy()
    codes = pd.factorize(uneven["noise_class"])[0]

    def macro(values, codes):
        return np.mean([values[codes == code].mean() for code in range(3)])

    theirs = stats.bootstrap(
        (values, codes), macro, paired=True, vectorized=False, n_resamples=1500, rng=np.random.default_rng(1)
    ).confidence_interval
    width = theirs.high - theirs.low
    assert (own["low"], own["high"]) == pytest.approx((theirs.low, theirs.high), abs=0.12 * width)


def test_even_conditions_change_nothing(items, scores):
    table = made(items.assign(noise_class=["babble", "rain", "traffic"] * 50), scores)
    even = items.assign(noise_class=["babble", "rain", "traffic"] * 50)
    found = balanced_summary(table, even, ["noise_class"]).set_index("denoiser")
    pooled = summarise(table, even).set_index("denoiser")
    np.testing.assert_allclose(found["mean"], pooled["mean"])
    assert not is_unbalanced(even, "noise_class")
    assert not is_unbalanced(even.drop(columns="noise_class"), "noise_class")


def test_one_item_has_a_mean_and_no_interval(uneven, scores):
    table = made(uneven, scores)
    table = table[table["item"] == 0]
    found = balanced_summary(table, uneven, ["noise_class"]).set_index("denoiser")
    np.testing.assert_allclose(found["mean"], summarise(table, uneven).set_index("denoiser")["mean"])
    assert found[["low", "high"]].isna().all(axis=None)


def test_missing_scores_leave_the_conditions_that_have_some(uneven, scores):
    table = made(uneven, scores)
    lost = (table["denoiser"] == "net") & (table["item"] >= 140)
    table.loc[lost, ["value", "status"]] = [np.nan, "crashed"]
    found = balanced_summary(table, uneven, ["noise_class"], policy="common").set_index("denoiser")
    assert found["conditions"].tolist() == [2, 2]
    means = table.merge(uneven, on="item").groupby(["denoiser", "noise_class"])["value"].mean()
    assert found.loc["noisy", "mean"] == pytest.approx(means["noisy"][["babble", "rain"]].mean())


def test_clusters_that_are_the_conditions_give_an_interval_still(uneven, scores):
    found = balanced_summary(made(uneven, scores), uneven, ["noise_class"], clusters=["noise_class"])
    row = found.set_index("denoiser").loc["net"]
    table = made(uneven, scores)
    means = table[table["denoiser"] == "net"].merge(uneven, on="item").groupby("noise_class")["value"].mean()
    each = means.to_numpy()
    reach = stats.t.ppf(0.975, 2) * each.std(ddof=1) / np.sqrt(3)  # three witnesses, Student's t
    assert row["high"] == pytest.approx(min(each.mean() + reach, 4.644), abs=1e-6)
    assert row["low"] == pytest.approx(max(each.mean() - reach, 0.999), abs=1e-6)


def test_the_sheet_says_what_counts(uneven, scores):
    table = balanced_summary(made(uneven, scores), uneven, ["noise_class"])
    sheet = balanced_sheet(table, ["noise_class"])
    assert sheet.title == "every noise_class counts the same: 3 conditions of 10 to 100 items"
    assert [row[0] for row in sheet.rows] == ["net", "noisy"]
    assert is_unbalanced(uneven, "noise_class")
