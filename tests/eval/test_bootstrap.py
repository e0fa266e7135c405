"""Crossed clusters: coverage by simulation, closed forms, and the fallbacks that are promised."""

import numpy as np
import pytest
from scipy import stats

from percepkit.eval.bootstrap import estimate, free_dimensions, mean_bounds, resample


def crossed(n_clusters, spreads, *, n_items=200, n_experiments=300, seed=0):
    """Experiments with the mean 0 in columns, on items of random speakers, noises, ..."""
    generator = np.random.default_rng(seed)
    units = np.stack([generator.integers(0, n, n_items) for n in n_clusters], axis=1)
    values = generator.standard_normal((n_items, n_experiments))
    for dimension, (n, spread) in enumerate(zip(n_clusters, spreads, strict=True)):
        values += spread * generator.standard_normal((n, n_experiments))[units[:, dimension]]
    return values, units


@pytest.mark.parametrize(
    "n_clusters, spreads, lowest",
    [
        ((20, 30), (0.0, 0.0), 0.92),
        ((20, 30), (0.5, 0.5), 0.91),
        ((40, 60, 40), (0.2, 0.6, 0.2), 0.91),
        ((9, 10, 40), (0.3, 0.5, 0.3), 0.87),  # with few clusters BCa is known to be too narrow
        ((5, 30), (0.5, 0.5), 0.93),  # Student's t
    ],
)
def test_intervals_over_crossed_clusters_cover(n_clusters, spreads, lowest):
    values, units = crossed(n_clusters, spreads)
    low, high = mean_bounds(values, units, 1, 0.95)
    assert lowest < np.mean((low < 0) & (high > 0)) < 0.99


def test_items_alone_would_cover_far_too_rarely():
    values, _ = crossed((20, 30), (0.5, 0.5))
    low, high = mean_bounds(values, np.arange(200)[:, None], 1, 0.95)
    assert np.mean((low < 0) & (high > 0)) < 0.75


def test_clusters_that_mean_nothing_widen_little():
    values, units = crossed((60, 97, 60), (0.0, 0.0, 0.0), n_items=400)
    low, high = mean_bounds(values, units, 1, 0.95)
    width = np.mean(high - low) / (2 * 1.96 / np.sqrt(400))
    assert 0.97 < width < 1.2  # the plain pigeonhole bootstrap has the square root of seven


def test_a_dimension_with_one_cluster_is_fixed():
    values, units = crossed((20, 30), (0.3, 0.3), n_experiments=2)
    fixed = np.column_stack([units[:, 0], np.zeros(200, int)])
    assert free_dimensions(fixed).shape == (200, 1)
    np.testing.assert_array_equal(mean_bounds(values, fixed, 1, 0.9), mean_bounds(values, units[:, :1], 1, 0.9))


def test_nested_dimensions_equal_the_outer_one():
    values, units = crossed((20,), (1.0,), n_experiments=1)
    nested = np.column_stack([units[:, 0], np.arange(200)])  # every item a noise of its own
    outer = estimate(resample(values, units, key=1))
    both = estimate(resample(values, nested, key=1))
    assert both.error == pytest.approx(outer.error)


def test_few_clusters_have_the_interval_of_student():
    values = np.random.default_rng(0).normal(size=(6, 5))
    found = estimate(resample(values.reshape(-1, 1), np.repeat(np.arange(6), 5)[:, None], key=1))
    theirs = stats.ttest_1samp(values.mean(axis=1), 0).confidence_interval(0.95)
    assert found.freedom == 5
    assert (found.low[0], found.high[0]) == pytest.approx((theirs.low, theirs.high))


def test_a_ratio_of_means_agrees_with_scipy():
    generator = np.random.default_rng(1)
    x = generator.gamma(2.0, size=80)
    y = 0.5 * x + generator.gamma(2.0, size=80)
    ours = estimate(
        resample(np.column_stack([x, y]), np.arange(80)[:, None], key=1), lambda m: m[..., :1] / m[..., 1:]
    )
    theirs = stats.bootstrap(
        (x, y),
        lambda a, b, axis=-1: a.mean(axis) / b.mean(axis),
        paired=True,
        n_resamples=9999,
        method="BCa",
        rng=np.random.default_rng(0),
    )
    bounds = theirs.confidence_interval
    assert (ours.low[0], ours.high[0]) == pytest.approx((bounds.low, bounds.high), abs=0.2 * theirs.standard_error)
    assert ours.error[0] == pytest.approx(theirs.standard_error, rel=0.05)
