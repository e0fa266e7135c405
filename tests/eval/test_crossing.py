"""Crossovers where they are known."""

import numpy as np
import pandas as pd
import pytest

from percepkit.eval.crossing import crossovers, sure_crossovers
from percepkit.eval.summary import crossover_sheet
from percepkit.eval.tables import to_markdown


def test_lines_cross_where_they_cross(items, scores):
    generator = np.random.default_rng(3)
    snr = items["snr_db"].to_numpy()
    base = generator.normal(2, 0.5, len(items))
    table = scores({"a": base + 0.05 * (snr - 7) + generator.normal(0, 0.1, len(items)), "b": base})
    [row] = crossovers(table, items, "a", "b").to_dict("records")
    assert row["at"] == pytest.approx(7, abs=1)
    assert row["low"] < 7 < row["high"]
    assert row["high"] - row["low"] < 3
    assert (row["below"], row["above"]) == ("b", "a")
    assert row["found"] > 0.99
    exact = crossovers(scores({"a": base + 0.05 * (snr - 7), "b": base}), items, "a", "b").iloc[0]
    assert (exact["at"], exact["low"], exact["high"]) == pytest.approx((7, 7, 7))
    lower = crossovers(scores({"a": base + 0.05 * (snr - 7), "b": base}, "lsd"), items, "a", "b").iloc[0]
    assert (lower["below"], lower["above"]) == ("a", "b")


def test_curves_that_do_not_cross_give_no_row(items, scores):
    base = np.random.default_rng(4).normal(2, 0.5, len(items))
    assert crossovers(scores({"a": base + 1, "b": base}), items, "a", "b").empty
    one_level = crossovers(scores({"a": base + 1, "b": base}), items.assign(snr_db=5.0), "a", "b")
    assert one_level.empty


def test_of_many_pairs_only_those_are_named_whose_order_surely_turns_once(items, scores):
    generator = np.random.default_rng(5)
    snr = items["snr_db"].to_numpy()
    base = generator.normal(2, 0.5, len(items))
    columns = {
        "noisy": base,
        "steep": base + 0.05 * (snr - 7) + generator.normal(0, 0.1, len(items)),
        "twin": base + generator.normal(0, 0.1, len(items)),  # on the noisy input's curve, but for chance
        "best": base + 3,
        "mute": np.where(snr < 5, np.nan, base + 0.2 * (snr - 12)),
    }
    table = scores(columns)
    assert (
        len(crossovers(table, items, "noisy", "twin")) != 1
        or crossovers(table, items, "noisy", "twin")["found"].item() < 0.95
    )
    found = sure_crossovers(table, items, list(columns))
    pairs = {(row["below"], row["above"]): row["at"] for row in found.to_dict("records")}
    assert pairs == {
        ("noisy", "steep"): pytest.approx(7, abs=1),
        ("twin", "steep"): pytest.approx(7, abs=1),
        ("noisy", "mute"): pytest.approx(12, abs=1e-9),
        ("twin", "mute"): pytest.approx(12, abs=1),
        ("steep", "mute"): pytest.approx(13.67, abs=1),
    }
    assert found["at"].is_monotonic_increasing
    one = crossovers(table, items, "noisy", "steep").iloc[0]
    same = found[(found["below"] == "noisy") & (found["above"] == "steep")].iloc[0]
    pd.testing.assert_series_equal(one, same, check_names=False)
    text = to_markdown(crossover_sheet(found, "snr_db"))
    assert "| metric | ahead below | snr\\_db where they cross | ahead above |" in text
    assert f"| pesq\\_wb | noisy | {one['at']:.1f} \\[{one['low']:.1f}, {one['high']:.1f}\\] | steep |" in text
