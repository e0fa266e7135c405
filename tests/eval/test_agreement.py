"""Rank correlations of metrics, against SciPy."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from percepkit.eval.agreement import rank_correlations

METRICS = ("pesq_wb", "stoi", "lsd")


@pytest.fixture(scope="module")
def table(scores):
    """Hardness moves all metrics alike; what the denoisers do to stoi goes against the rest."""
    generator = np.random.default_rng(2)
    hard = generator.normal(size=150)
    gain = {name: generator.normal(size=150) for name in ("a", "b")}
    parts = []
    for metric, sign, turn in (("pesq_wb", 1, 1), ("stoi", 1, -1), ("lsd", -1, 1)):
        columns = {"noisy": sign * hard}
        columns |= {
            name: sign * (hard + 0.3 * turn * own + 0.1 * generator.normal(size=150)) for name, own in gain.items()
        }
        parts.append(scores(columns, metric))
    return pd.concat(parts, ignore_index=True)


def by_scipy(table, one, other, sign, gains):
    wide = table.pivot(index="item", columns=["denoiser", "metric"], values="value")
    found = []
    for name in ("a", "b"):
        x, y = ((wide[(name, m)] - (wide[("noisy", m)] if gains else 0)).to_numpy() for m in (one, other))
        known = ~np.isnan(x + y)
        found.append(stats.spearmanr(x[known], sign * y[known]).statistic)
    return np.mean(found)


@pytest.mark.parametrize("gains", [False, True])
def test_correlations_are_those_of_scipy(table, gains):
    table = table.copy()
    table.loc[table.index[::17], ["value", "status"]] = [np.nan, "crashed"]
    found = rank_correlations(table, ["a", "b"], gains=gains)
    assert found.loc["pesq_wb", "stoi"] == pytest.approx(by_scipy(table, "pesq_wb", "stoi", 1, gains))
    assert found.loc["pesq_wb", "lsd"] == pytest.approx(by_scipy(table, "pesq_wb", "lsd", -1, gains))
    np.testing.assert_allclose(found, found.T)
    np.testing.assert_allclose(np.diag(found), 1)


def test_items_agree_where_gains_do_not(table):
    assert rank_correlations(table, ["a", "b"]).loc["pesq_wb", "stoi"] > 0.7
    assert rank_correlations(table, ["a", "b"], gains=True).loc["pesq_wb", "stoi"] < -0.7
    assert rank_correlations(table, ["a", "b"], gains=True).loc["pesq_wb", "lsd"] > 0.7


def test_what_cannot_be_ranked_has_no_number(table, scores):
    few = rank_correlations(table[table["item"] < 9], ["a"])
    assert few.isna().all(axis=None)
    audited = pd.concat([table, scores({"a": np.zeros(150)}, "muted_share")])
    assert "muted_share" not in rank_correlations(audited, ["a"])
    flat = rank_correlations(audited, ["a"], metrics=["stoi", "muted_share"])
    assert np.isnan(flat.loc["stoi", "muted_share"])
