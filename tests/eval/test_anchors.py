"""The oracle gap where it is known."""

import numpy as np
import pytest

from percepkit.eval.anchors import gap_closed, oracles_among


def test_the_share_of_the_gap_is_that_of_the_means(items, scores):
    generator = np.random.default_rng(0)
    noisy, gap = generator.uniform(1, 2, len(items)), generator.uniform(0.5, 1.5, len(items))
    columns = {
        "noisy": noisy,
        "oracle-comb": noisy + gap,
        "mine": noisy + 0.3 * gap,
        "clean": np.full(len(items), 4.64),
    }
    columns["half"] = noisy + gap.mean() * (0.5 + generator.normal(0, 0.3, len(items)))
    found = gap_closed(scores(columns | {"oracle-gains": noisy + 0.5 * gap}), items).set_index("denoiser")
    assert set(found["oracle"]) == {"oracle-comb"}  # the better one; the clean speech takes no part
    assert list(found.index) == ["half", "mine"]
    assert tuple(found.loc["mine", ["share", "low", "high"]]) == pytest.approx((0.3, 0.3, 0.3))
    assert found.loc["half", "low"] < 0.5 < found.loc["half", "high"]
    assert found.loc["half", "high"] - found.loc["half", "low"] < 0.2
    named = gap_closed(scores(columns | {"x": noisy + 2 * gap}), items, oracle="x").set_index("denoiser")
    assert named.loc["mine", "share"] == pytest.approx(0.15)


def test_lower_is_better_closes_the_gap_downwards(items, scores):
    noisy = np.linspace(5, 9, len(items))
    columns = {"noisy": noisy, "oracle-comb": noisy - 4, "mine": noisy - 1, "clean": np.zeros(len(items))}
    assert gap_closed(scores(columns, "lsd"), items)["share"].item() == pytest.approx(0.25)


def test_no_gap_no_share(items, scores):
    noisy = np.random.default_rng(1).normal(size=len(items))
    same = {
        "noisy": noisy,
        "oracle-comb": noisy + np.random.default_rng(2).normal(0, 0.1, len(items)),
        "mine": noisy,
    }
    assert gap_closed(scores(same), items)["share"].isna().all()
    with pytest.raises(ValueError, match="needs scores of noisy and an oracle; the table has: mine, noisy"):
        gap_closed(scores({"noisy": noisy, "mine": noisy}), items)


def test_oracles_are_told_by_what_they_need():
    assert oracles_among(["noisy", "wiener", "oracle-postfilter", "clean", "gone:away"]) == ["oracle-postfilter"]
