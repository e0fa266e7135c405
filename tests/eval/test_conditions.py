"""Conditions: bins by floor, exact levels where there are few, printed edges that tell the truth."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from percepkit.eval.conditions import bin_labels, condition_column


@given(st.lists(st.floats(-60, 60), min_size=13, max_size=60, unique=True), st.sampled_from([5.0, 0.2, 2.0]))
def test_every_value_lies_in_the_interval_of_its_label(values, step):
    labels = bin_labels(np.array(values), step=step, unit="dB")
    for value, label in zip(values, labels, strict=True):
        low, high = map(float, re.fullmatch(r"\[(.*), (.*)\) dB", label).groups())
        assert low - 1e-6 <= value < high + 1e-6
        assert high - low == pytest.approx(step, abs=1e-3)


def test_both_sides_of_zero_are_different_bins():
    values = np.array([-4.9, -0.1, 0.0, 0.1, 4.9, 5.0, *np.linspace(20, 30, 13)])
    labels = bin_labels(values, step=5.0, unit="dB")
    assert list(labels[:6]) == ["[-5, 0) dB"] * 2 + ["[0, 5) dB"] * 3 + ["[5, 10) dB"]


def test_an_edge_that_rounding_hides_opens_its_bin():
    values = np.array([0.6, 0.2, 1.0, *np.linspace(2, 3, 13)])
    assert list(bin_labels(values, step=0.2, unit="s")[:3]) == ["[0.6, 0.8) s", "[0.2, 0.4) s", "[1, 1.2) s"]


def test_few_levels_are_kept_and_ordered_by_value():
    column = condition_column(pd.DataFrame({"snr_db": [10.0, -5.0, 2.5, np.nan, -5.0]}), "snr_db")
    assert list(column.categories) == ["-5 dB", "2.5 dB", "10 dB", "none"]
    assert column.ordered


def test_columns_by_kind():
    items = pd.DataFrame(
        {
            "rt60": [0.3, np.nan],
            "noise_class": ["rain", None],
            "shard": [0, 1],
            "guard": [True, False],
            "empty": [None, None],
        }
    )
    assert list(condition_column(items, "rt60")) == ["0.3 s", "none"]
    assert list(condition_column(items, "noise_class").categories) == ["rain", "none"]
    assert list(condition_column(items, "shard")) == ["0", "1"]
    assert list(condition_column(items, "guard").categories) == ["False", "True"]
    assert list(condition_column(items, "empty").categories) == ["none"]


def test_unknown_columns_and_numbers_without_a_width():
    items = pd.DataFrame({"item": range(20)})
    with pytest.raises(ValueError, match="no column 'snr_bin' to group by; columns: item"):
        condition_column(items, "snr_bin")
    with pytest.raises(ValueError, match="'item' holds 20 numbers and has no bin width"):
        condition_column(items, "item")
