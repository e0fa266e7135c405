import math

import numpy as np
import pandas as pd

from percepkit.eval.report.choice import choose_entries, choose_items
from percepkit.eval.report.roster import make_roster


def test_chosen_items_cover_improvement_and_snr():
    n = 100
    improvement = pd.Series(np.arange(n) / n)
    snr = pd.Series(np.arange(n) % 5 * 5.0)
    chosen = choose_items(improvement, snr, 8)
    assert [(choice.item, choice.why) for choice in chosen[:2]] == [(0, "worst"), (99, "best")]
    assert chosen[2].why == "median"
    assert len({choice.item for choice in chosen}) == 8
    assert len({snr[choice.item] for choice in chosen}) >= 4
    quarters = np.histogram([choice.item for choice in chosen], bins=4, range=(0, n))[0]
    assert quarters.min() >= 1


def test_more_items_wanted_than_there_are():
    gain = pd.Series([0.1, 0.2, math.nan])
    assert {choice.item for choice in choose_items(gain, pd.Series([0.0, 5.0, 0.0]), 9)} == {0, 1}


def test_items_without_any_ranking_are_spread_out():
    gain = pd.Series(math.nan, index=range(10))
    assert [choice.item for choice in choose_items(gain, pd.Series(0.0, index=range(10)), 3)] == [0, 4, 9]


def test_unknown_snr_does_not_stop_the_choice():
    gain = pd.Series(np.arange(20.0))
    assert len(choose_items(gain, pd.Series(np.nan, index=range(20)), 6)) == 6


def test_best_oracle_keeps_a_place_among_many_denoisers(fakes):
    entries = make_roster([*"abcdefgh", "oracle-gains", "oracle-comb"], fakes.load)
    ranking = pd.Series(np.arange(8.0), index=[*"abcdefgh"])
    ranking["oracle-comb"], ranking["oracle-gains"] = 9.0, 8.0
    assert [entry.name for entry in choose_entries(entries, ranking)] == [*"defgh", "oracle-comb"]
