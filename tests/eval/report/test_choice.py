import math

import numpy as np
import pandas as pd

from percepkit.eval.report.choice import choose_entries, choose_items
from percepkit.eval.report.roster import make_roster


def test_every_condition_has_its_worst_best_and_median():
    improvement = pd.Series(np.random.default_rng(1).permutation(100) / 100.0)
    noise = pd.Series(np.arange(100) % 4).map("abcd".__getitem__)
    snr = pd.Series(np.arange(100) // 20).map(lambda k: f"{5 * k} dB")
    chosen = choose_items(improvement, [snr, noise], 30)
    assert [choice.why for choice in chosen[:3]] == ["worst", "best", "median"]
    assert [choice.improvement for choice in chosen[:3]] == [0.0, 0.99, 0.49]
    assert len({choice.item for choice in chosen}) == 30
    whys = [choice.why for choice in chosen[3:]]
    groups = sorted(f"{5 * k} dB" for k in range(5)) + list("abcd")
    assert whys == [f"{what} of {group}" for what in ("worst", "best", "median") for group in groups]
    for choice in chosen[3:12]:
        group = choice.why.removeprefix("worst of ")
        members = improvement[(snr == group) | (noise == group)].drop([chosen[0].item], errors="ignore")
        assert choice.improvement <= members.sort_values().iloc[2]  # at most one taken before by each condition


def test_more_items_wanted_than_there_are():
    gain = pd.Series([0.1, 0.2, math.nan])
    assert {choice.item for choice in choose_items(gain, [], 9)} == {0, 1}


def test_items_left_over_come_from_both_ends():
    gain = pd.Series(np.arange(10.0))
    whys = {choice.item: choice.why for choice in choose_items(gain, [], 7)}
    assert whys == {
        0: "worst",
        9: "best",
        4: "median",
        1: "among the worst",
        8: "among the best",
        2: "among the worst",
        7: "among the best",
    }


def test_items_without_any_ranking_are_spread_out():
    gain = pd.Series(math.nan, index=range(10))
    assert [choice.item for choice in choose_items(gain, [], 3)] == [0, 4, 9]


def test_unknown_conditions_do_not_stop_the_choice():
    gain = pd.Series(np.arange(20.0))
    assert len(choose_items(gain, [pd.Series([None] * 20), pd.Series(["a", None] * 10)], 6)) == 6


def test_best_oracle_keeps_a_place_among_many_denoisers(fakes):
    entries = make_roster([*"abcdefgh", "oracle-gains", "oracle-comb"], fakes.load)
    ranking = pd.Series(np.arange(8.0), index=[*"abcdefgh"])
    ranking["oracle-comb"], ranking["oracle-gains"] = 9.0, 8.0
    assert [entry.name for entry in choose_entries(entries, ranking)] == [*"defgh", "oracle-comb"]
