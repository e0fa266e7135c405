"""Missing scores: what each policy averages, and when it decides who wins."""

import numpy as np
import pandas as pd
import pytest

from percepkit.eval.policies import under_policy, warn_of_ranks
from percepkit.eval.statistics import summarise


def table(columns, metric="stoi", status="crashed"):
    wide = pd.DataFrame(columns).rename_axis("item").reset_index()
    scores = wide.melt("item", var_name="denoiser", value_name="value").assign(metric=metric)
    return scores.assign(status=np.where(scores["value"].isna(), status, "ok"))


def wide(scores):
    return scores.pivot(index="item", columns="denoiser", values="value")


NAN = np.nan
SCORES = table({"a": [0.9, NAN, 0.8, NAN], "b": [0.5, 0.6, NAN, NAN], "mute": [NAN] * 4})


def test_common_takes_items_that_all_have_and_lets_the_mute_go():
    used = wide(under_policy(SCORES, "common"))
    assert used["a"].dropna().to_dict() == {0: 0.9}
    assert used["b"].dropna().to_dict() == {0: 0.5}
    assert used["mute"].isna().all()
    pair = wide(under_policy(SCORES, "common", among=["a", "mute"]))
    assert pair["a"].dropna().to_dict() == {0: 0.9, 2: 0.8}


def test_floor_fills_with_the_worst_and_leaves_items_that_nobody_has():
    used = wide(under_policy(SCORES, "floor"))
    assert used["a"].tolist()[:3] == [0.9, -1.0, 0.8]
    assert used["mute"].tolist()[:3] == [-1.0, -1.0, -1.0]
    assert used.loc[3].isna().all()


def test_a_range_without_end_is_floored_by_the_worst_scored():
    scores = table({"a": [3.0, NAN], "b": [-7.0, 2.0]}, "si_sdr")
    assert wide(under_policy(scores, "floor", among=["a"]))["a"].tolist() == [3.0, -7.0]
    lower_is_better = table({"a": [3.0, NAN], "b": [9.0, 2.0]}, "lsd")
    assert wide(under_policy(lower_is_better, "floor"))["a"].tolist() == [3.0, 9.0]


def test_an_infinite_score_is_no_failure():
    scores = pd.concat([table({"clean": [NAN, NAN]}, "si_sdr", "infinite"), table({"a": [1.0, 2.0]}, "si_sdr")])
    for policy in ("common", "floor", "fail"):
        used = wide(under_policy(scores, policy))
        assert used["a"].tolist() == [1.0, 2.0]
        assert used["clean"].isna().all()


def test_fail_leaves_no_mean_to_whom_a_score_is_missing():
    scores = table({"a": [0.9, NAN, NAN], "b": [0.5, 0.6, NAN]})
    used = wide(under_policy(scores, "fail"))
    assert used["a"].isna().all()
    assert used["b"].tolist()[:2] == [0.5, 0.6]


def test_ranks_that_hang_on_the_policy_are_named():
    [line] = warn_of_ranks(table({"a": [0.9, NAN, 0.9, NAN], "b": [0.5, 0.6, 0.5, 0.6]}))
    assert "ranks by stoi change" in line
    assert "place 1 is a on common items, b if a missing score counts as the worst" in line
    assert warn_of_ranks(table({"a": [0.9, 0.8], "b": [0.5, NAN]})) == []
    assert warn_of_ranks(table({"a": [0.9, 0.8]})) == []


def test_summaries_follow_the_policy_and_keep_the_coverage():
    scores = table({"noisy": [0.4, 0.5, 0.6], "a": [0.9, NAN, 0.8]})
    items = pd.DataFrame({"item": range(3)})
    found = {
        p: summarise(scores, items, policy=p).set_index("denoiser") for p in (None, "common", "floor", "fail")
    }
    assert found[None].loc["noisy", "mean"] == pytest.approx(0.5)
    assert found["common"].loc["noisy", "mean"] == pytest.approx(0.5)
    assert found["common"].loc["noisy", "delta_n"] == 0
    assert found["floor"].loc["a", "mean"] == pytest.approx((0.9 - 1 + 0.8) / 3)
    assert np.isnan(found["fail"].loc["a", "mean"])
    for summary in found.values():
        assert summary.loc["a", ["n_ok", "n"]].tolist() == [2, 3]
        assert summary.loc["noisy", ["n_ok", "n"]].tolist() == [3, 3]


def test_unknown_policies_are_refused():
    with pytest.raises(
        ValueError, match="unknown policy 'drop' for missing scores; choose from common, floor, fail"
    ):
        under_policy(SCORES, "drop")
