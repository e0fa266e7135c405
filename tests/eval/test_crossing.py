"""Crossovers where they are known."""

import numpy as np
import pandas as pd
import pytest

from percepkit.eval.crossing import crossovers, curve_areas, sure_crossovers
from percepkit.eval.summary import area_lines, crossover_sheet
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
    assert "| metric | ahead below | snr\\_db where they cross | ahead above | ahead on average |" in text
    assert (
        f"| pesq\\_wb | noisy | {one['at']:.1f} \\[{one['low']:.1f}, {one['high']:.1f}\\] | steep | noisy by "
        in text
    )


def test_the_area_is_the_integral_of_the_difference(items, scores):
    snr = items["snr_db"].to_numpy()
    base = np.random.default_rng(3).normal(2, 0.5, len(items))
    table = scores({"a": base + 0.05 * (snr - 7), "b": base})
    [row] = curve_areas(table, items, "a", "b").to_dict("records")
    assert (row["area"], row["low"], row["high"]) == pytest.approx((-2, -2, -2))  # of 0.05 (x - 7) from -5 to 15
    assert (row["start"], row["end"]) == (-5, 15)
    [swapped] = curve_areas(table.assign(metric="lsd"), items, "a", "b").to_dict("records")
    assert swapped["area"] == pytest.approx(2)
    assert area_lines(curve_areas(table, items, "a", "b"), "a", "b", "snr_db") == [
        "pesq_wb: b is ahead by 0.100 [0.100, 0.100] on average over snr_db -5.0 to 15.0; "
        "area between the curves 2.00 [2.00, 2.00]"
    ]
    [turn] = crossovers(table, items, "a", "b").to_dict("records")
    assert (turn["above"], turn["lead"]) == ("a", pytest.approx(-0.1))
    assert curve_areas(table, items.assign(snr_db=5.0), "a", "b").empty


def test_the_area_does_not_hang_on_the_counts_and_its_interval_is_known(items, scores):
    generator = np.random.default_rng(6)
    uneven = items.assign(snr_db=np.repeat([0.0, 10.0, 20.0], [110, 30, 10]))
    snr = uneven["snr_db"].to_numpy()
    spread = 0.2 * generator.normal(size=len(items))
    base = generator.normal(2, 0.5, len(items))
    table = scores({"a": base + 0.1 * snr / 10 + spread, "b": base})
    [row] = curve_areas(table, uneven, "a", "b", clusters=[]).to_dict("records")
    level = [(table["value"].to_numpy()[:150] - base)[snr == x] for x in (0, 10, 20)]
    weight = np.array([5, 10, 5])
    assert row["area"] == pytest.approx(weight @ [each.mean() for each in level])
    error = np.sqrt(weight**2 @ [each.var(ddof=1) / len(each) for each in level])
    assert row["high"] - row["low"] == pytest.approx(2 * 1.96 * error, rel=0.2)
    pooled = (table["value"].to_numpy()[:150] - base).mean()
    assert row["area"] / 20 > pooled + 0.05
