"""The best of each condition, where it is known."""

import numpy as np
import pytest

from percepkit.eval.comparison import compare
from percepkit.eval.significance import holm
from percepkit.eval.summary import winner_sheet
from percepkit.eval.winners import winners


@pytest.fixture(scope="module")
def crossed(items):
    """The same items, every SNR with all of ten speakers."""
    return items.assign(speaker=[f"s{item // 5 % 10}" for item in range(len(items))])


@pytest.fixture(scope="module")
def table(items, scores):
    """Steep is best at high SNRs, flat at low ones, and nobody at 5 dB; the oracle is better than all."""
    generator = np.random.default_rng(1)
    snr = items["snr_db"].to_numpy()
    base = generator.normal(2, 0.5, len(items))

    def jitter():
        return 0.05 * generator.normal(size=len(items))

    columns = {
        "noisy": base, "flat": base + 0.3 + jitter(), "steep": base + 0.3 + 0.03 * (snr - 5) + jitter(),
        "oracle-gains": base + 2, "clean": base + 3,
    }  # fmt: skip
    return scores(columns)


def test_winners_are_those_of_the_means(table, crossed):
    found = winners(table, crossed, ["snr_db"])
    assert found["best"].tolist()[:2] == ["flat", "flat"]
    assert found["best"].tolist()[3:] == ["steep", "steep"]
    assert found["ahead"].tolist() == [True, True, False, True, True]
    assert found["lead"].to_numpy() == pytest.approx([0.3, 0.15, 0, 0.15, 0.3], abs=0.04)
    assert found["n"].tolist() == [30] * 5
    np.testing.assert_allclose(found["p_holm"], holm(found["p"].to_numpy()))


def test_the_test_is_that_of_the_comparison(table, crossed):
    found = winners(table, crossed, ["snr_db"], names=["steep", "flat"])
    pair = compare(table, crossed, "steep", "flat", by=["snr_db"])
    assert found["p"].to_list() == pair["p"].to_list()
    assert found["lead"].to_numpy() == pytest.approx(pair["difference"].abs().to_numpy())


def test_lower_can_be_better_and_noisy_can_win(table, crossed):
    found = winners(table.assign(metric="lsd"), crossed, ["snr_db"])
    assert set(found["best"].iloc[1:]) == {"noisy"}
    assert (found["lead"] >= 0).all()


def test_few_clusters_leave_the_interval(table, crossed):
    few = crossed.assign(speaker=[f"s{item % 3}" for item in range(len(crossed))])
    found = winners(table, few, ["snr_db"])
    assert found["p"].isna().all()
    assert found["ahead"].tolist() == (found["low"] > 0).tolist()
    assert found["ahead"].iloc[0]


def test_a_sheet_of_conditions_and_metrics(table, crossed):
    sheet = winner_sheet(winners(table, crossed, ["snr_db"]), ["snr_db"])
    assert sheet.columns == ["snr_db", "pesq_wb"]
    assert [row[0] for row in sheet.rows] == ["-5 dB", "0 dB", "5 dB", "10 dB", "15 dB"]
    assert sheet.rows[0][1].startswith("flat *\n+0.3")
    assert "*" not in sheet.rows[2][1]
    assert winners(table[table["denoiser"] == "flat"], crossed, ["snr_db"]).empty
