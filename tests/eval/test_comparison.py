"""Two denoisers of known difference: numbers, tests, verdicts, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from percepkit.eval.bootstrap import estimate, resample
from percepkit.eval.clusters import cluster_codes
from percepkit.eval.comparison import compare, default_margin
from percepkit.eval.significance import clusters_needed, holm, sign_flip_p
from percepkit.eval.summary import comparison_sheet

N = 120
ITEMS = pd.DataFrame(
    {
        "item": range(N),
        "speaker": [f"s{item % 12}" for item in range(N)],
        "generated": [f"n{item % 10}" for item in range(N)],
        "noise_paths": [[]] * N,
        "snr_db": [float(item // 60 * 10) for item in range(N)],
    }
)


def scores(differences, *, spread=0.02, seed=0):
    """Scores of ``a`` and ``b``: for each metric ``a - b`` has the given mean."""
    generator = np.random.default_rng(seed)
    rows = []
    for metric, difference in differences.items():
        easy = generator.normal(2, 0.5, N)
        a = easy + difference + generator.normal(0, spread, N)
        rows += [(item, "a", metric, a[item], "ok") for item in range(N)]
        rows += [(item, "b", metric, easy[item], "ok") for item in range(N)]
    return pd.DataFrame(rows, columns=["item", "denoiser", "metric", "value", "status"])


def test_differences_are_those_of_the_pairs_and_words_follow_the_direction():
    table = scores({"pesq_wb": 0.1, "lsd": 0.1, "stoi": 0.0, "si_sdr": 0.0}, spread=0.01)
    found = compare(table, ITEMS, "a", "b").set_index("metric")
    assert list(found.index) == ["pesq_wb", "lsd", "si_sdr", "stoi"]
    wide = table.pivot(index="item", columns=["metric", "denoiser"], values="value")
    difference = (wide["pesq_wb"]["a"] - wide["pesq_wb"]["b"]).to_numpy()
    row = found.loc["pesq_wb"]
    units = cluster_codes(ITEMS, ["speaker", "noise"])
    alone = estimate(resample(difference[:, None], units, key=1))
    assert row["difference"] == pytest.approx(difference.mean())
    assert row["low"] == pytest.approx(alone.low[0], abs=3e-4)  # another key
    assert row["p"] == pytest.approx(sign_flip_p(difference, units, key=1), abs=0.002)
    assert row["clusters"] == "12 speakers, 10 noises"
    assert found["verdict"].to_dict() == {
        "pesq_wb": "a better",
        "lsd": "b better",  # lower is better
        "stoi": "equivalent within ±0.01",
        "si_sdr": "equivalent within ±0.5",
    }
    assert found.loc["pesq_wb", "win_rate"] == 1
    assert found.loc["lsd", "win_rate"] == 0
    np.testing.assert_allclose(found["p_holm"], holm(found["p"].to_numpy()))


def test_swapping_the_two_swaps_the_signs():
    table = scores({"stoi": 0.02})
    [ab] = compare(table, ITEMS, "a", "b").to_dict("records")
    [ba] = compare(table, ITEMS, "b", "a").to_dict("records")
    assert ba["difference"] == pytest.approx(-ab["difference"])
    assert (ba["low"], ba["high"]) == pytest.approx((-ab["high"], -ab["low"]), abs=1e-3)
    assert ba["p"] == ab["p"]
    assert ab["win_rate"] + ba["win_rate"] == pytest.approx(1)
    assert (ab["verdict"], ba["verdict"]) == ("a better", "a better")


def test_a_difference_that_is_neither_shown_nor_ruled_out():
    [row] = compare(scores({"stoi": 0.0}, spread=0.5), ITEMS, "a", "b").to_dict("records")
    assert row["verdict"] == "no difference shown"
    assert row["detectable"] > 10 * row["margin"]
    wide = compare(scores({"stoi": 0.0}, spread=0.5), ITEMS, "a", "b", margins={"stoi": 1.0})
    assert wide["verdict"].item() == "equivalent within ±1"


def test_few_clusters_leave_the_interval_and_say_so():
    few = ITEMS.assign(speaker=[f"s{item % 5}" for item in range(N)])
    [row] = compare(scores({"stoi": 0.1}), few, "a", "b").to_dict("records")
    assert np.isnan([row["p"], row["p_holm"], row["p_wilcoxon"]]).all()
    assert 0 < row["low"] < 0.1 < row["high"]
    assert row["verdict"] == "a ahead by its interval; no test: 5 speakers, 8 needed"
    fixed = compare(scores({"stoi": 0.1}), ITEMS.assign(speaker="only"), "a", "b")
    assert fixed["clusters"].item() == "1 speaker, 10 noises"
    assert fixed["verdict"].item() == "a better"
    alone = compare(scores({"stoi": 0.1}), few, "a", "b", clusters=[])
    assert alone["clusters"].item() == "120 items"
    assert alone["verdict"].item() == "a better"


def test_verdicts_follow_the_corrected_p():
    table = scores({"stoi": 0.03, "pesq_wb": 0.0, "si_sdr": 0.0, "estoi": 0.0}, spread=0.1, seed=11)
    row = compare(table, ITEMS, "a", "b").set_index("metric").loc["stoi"]
    assert row["p"] < 0.05 < row["p_holm"]
    assert row["verdict"] == "no difference shown"
    assert compare(table, ITEMS, "a", "b", metrics=["stoi"])["verdict"].item() == "a better"


def test_conditions_are_compared_apart_and_corrected_together():
    found = compare(scores({"stoi": 0.1, "pesq_wb": 0.0}), ITEMS, "a", "b", by=["snr_db"])
    assert list(found["snr_db"].astype(str)) == ["0 dB", "0 dB", "10 dB", "10 dB"]
    assert list(found["n"]) == [60] * 4
    np.testing.assert_allclose(found["p_holm"], holm(found["p"].to_numpy()))
    table = scores({"stoi": 0.1, "pesq_wb": 0.0})
    early = compare(table[table["item"] < 60], ITEMS.head(60), "a", "b")
    assert list(early["difference"]) == list(found["difference"][:2])


def test_missing_scores_follow_the_policy():
    table = scores({"stoi": 0.1})
    lost = (table["denoiser"] == "a") & (table["item"] < 6)
    table.loc[lost, ["value", "status"]] = [np.nan, "crashed"]
    found = {
        policy: compare(table, ITEMS, "a", "b", policy=policy).iloc[0] for policy in ("common", "floor", "fail")
    }
    assert found["common"][["n", "n_a", "n_b", "n_items"]].tolist() == [114, 114, 120, 120]
    assert found["common"]["difference"] == pytest.approx(0.1, abs=0.01)
    assert found["floor"]["n"] == 120
    assert found["floor"]["difference"] < 0
    assert found["fail"]["n"] == 0
    assert found["fail"]["verdict"] == "no common items"


def test_margins_follow_the_unit():
    assert default_margin("si_sdr") == 0.5
    assert default_margin("covl") == 0.05
    assert np.isnan(default_margin("of_somebody_else"))


def test_what_is_not_there_is_named():
    table = scores({"stoi": 0.1})
    with pytest.raises(ValueError, match="'c' was not scored; the table has: a, b"):
        compare(table, ITEMS, "a", "c")
    with pytest.raises(ValueError, match="expected two denoisers, got 'a' twice"):
        compare(table, ITEMS, "a", "a")
    with pytest.raises(ValueError, match="'mos' was not scored; the table has: stoi"):
        compare(table, ITEMS, "a", "b", metrics=["mos"])
    with pytest.raises(ValueError, match="not in the corpus"):
        compare(table, ITEMS.head(10), "a", "b")
    with pytest.raises(ValueError, match="no column 'sex'"):
        compare(table, ITEMS, "a", "b", clusters=["sex"])


def test_effects_beside_the_mean_are_those_of_scipy():
    table = scores({"stoi": 0.01}, spread=0.05)
    row = compare(table, ITEMS, "a", "b", clusters=[]).iloc[0]
    wide = table.pivot(index="item", columns="denoiser", values="value")
    difference = wide["a"] - wide["b"]
    assert row["d_z"] == pytest.approx(stats.ttest_rel(wide["a"], wide["b"]).statistic / np.sqrt(N))
    assert row["median"] == np.median(difference)
    assert row["scarcest"] == "item"
    exact = difference.std(ddof=1) / np.sqrt(N)
    assert row["needed"] == clusters_needed(difference.mean(), exact, freedom=N - 1)
    assert row["needed_margin"] == clusters_needed(0.01, exact, freedom=N - 1)
    assert np.isnan(compare(scores({"stoi": 0.1}, spread=0), ITEMS, "a", "b")["d_z"].item())
    assert compare(table, ITEMS.assign(speaker="only"), "a", "b")["scarcest"].item() == "noise"


def test_the_printed_comparison_tells_effects_and_clusters_needed():
    found = compare(scores({"stoi": 0.01, "lsd": 0.0}, spread=0.05), ITEMS, "a", "b")
    sheet = comparison_sheet(found, "a", "b")
    lsd, stoi = [dict(zip(sheet.columns, row, strict=True)) for row in sheet.rows]
    row = found.set_index("metric").loc["stoi"]
    assert stoi["difference\nmedian"].split("\n")[1] == f"{row['median']:+.3f}"
    assert stoi["wins\nd_z"] == f"{100 * row['win_rate']:.0f} %\n{row['d_z']:.2f}"
    assert stoi["detectable\nneeded"].split("\n")[1] == f"{row['needed']:.0f} / {row['needed_margin']:.0f} noises"
    assert stoi["p (Holm)\npairs"].split("\n")[1] == "120 of 120"
    assert lsd["metric"] == "lsd ↓\ndB"
    assert "nan" not in "".join(cell for row in sheet.rows for cell in row)
