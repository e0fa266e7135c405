"""Tests of differences: exact values, SciPy, and uniform p-values where nothing differs."""

import numpy as np
import pytest
from scipy import stats

from percepkit.eval.significance import (
    clusters_needed,
    detectable_difference,
    enough_clusters,
    equivalence_p,
    holm,
    sign_flip_p,
    wilcoxon_p,
)


def alone(n):
    return np.arange(n)[:, None]


@pytest.mark.parametrize("n", [9, 12, 14])
def test_exact_sign_flips_equal_scipy(n):
    values = np.random.default_rng(n).normal(0.4, 1, n)
    theirs = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=True
    )
    assert sign_flip_p(values, alone(n), key=1) == pytest.approx(theirs.pvalue)


def test_random_sign_flips_come_near_the_normal_approximation():
    values = np.random.default_rng(0).normal(0.2, 1, 120)
    z = values.sum() / np.sqrt(np.sum(values**2))
    assert sign_flip_p(values, alone(120), key=1) == pytest.approx(2 * stats.norm.sf(z), abs=0.012)


def test_p_is_never_zero():
    assert sign_flip_p(np.ones(100), alone(100), key=1) == 1 / 10_000
    assert sign_flip_p(np.ones(14), alone(14), key=1) == 2 / 2**14


def test_p_of_nothing_is_uniform():
    generator = np.random.default_rng(1)
    clusters = np.repeat(np.arange(10), 4)
    p = [
        sign_flip_p(generator.normal(size=10)[clusters] + generator.normal(size=40), clusters[:, None], key=k)
        for k in range(400)
    ]
    assert stats.kstest(p, "uniform").pvalue > 0.01
    naive = [sign_flip_p(generator.normal(size=10)[clusters], alone(40), key=k) for k in range(60)]
    assert np.mean(np.array(naive) < 0.05) > 0.15  # what ignoring the clusters does


def test_with_crossed_clusters_the_larger_p_counts():
    generator = np.random.default_rng(2)
    speaker, noise = generator.integers(0, 20, 100), generator.integers(0, 9, 100)
    values = 0.3 + generator.normal(size=9)[noise] + 0.1 * generator.normal(size=100)
    alone_p = [sign_flip_p(values, units[:, None], key=1) for units in (speaker, noise)]
    assert alone_p[0] < alone_p[1] == sign_flip_p(values, np.column_stack([speaker, noise]), key=1)


def test_wilcoxon_is_that_of_scipy_on_cluster_means():
    generator = np.random.default_rng(3)
    values, clusters = generator.normal(0.3, 1, 60), np.repeat(np.arange(15), 4)
    assert wilcoxon_p(values, alone(60)) == stats.wilcoxon(values).pvalue
    assert wilcoxon_p(values, clusters[:, None]) == stats.wilcoxon(values.reshape(15, 4).mean(axis=1)).pvalue
    assert wilcoxon_p(np.zeros(9), alone(9)) == 1


def test_fewer_than_eight_clusters_have_no_test():
    values = np.arange(1.0, 15)
    seven = np.column_stack([np.arange(14), np.repeat(np.arange(7), 2)])
    assert not enough_clusters(seven)
    assert np.isnan(sign_flip_p(values, seven, key=1))
    assert np.isnan(wilcoxon_p(values, seven))
    assert enough_clusters(np.column_stack([np.arange(14), np.zeros(14, int)]))  # a single one is fixed
    assert not enough_clusters(np.empty((0, 1), int))


def test_holm_by_hand():
    p = np.array([0.04, 0.01, np.nan, 0.02, 0.9])
    # in order 0.01 x 4, 0.02 x 3, 0.04 x 2, 0.9 x 1, never falling
    np.testing.assert_allclose(holm(p), [0.08, 0.04, np.nan, 0.06, 0.9])
    np.testing.assert_allclose(holm(np.array([0.5, 0.6])), [1.0, 1.0])
    assert np.isnan(holm(np.array([np.nan]))).all()


def test_equivalence_is_two_one_sided_t_tests():
    values = np.random.default_rng(4).normal(0.05, 0.3, 25)
    error = values.std(ddof=1) / 5
    lower = stats.ttest_1samp(values, -0.2, alternative="greater").pvalue
    upper = stats.ttest_1samp(values, 0.2, alternative="less").pvalue
    assert equivalence_p(values.mean(), error, margin=0.2, freedom=24) == pytest.approx(max(lower, upper))
    assert equivalence_p(-0.3, 0.1, margin=0.2, freedom=9) == equivalence_p(0.3, 0.1, margin=0.2, freedom=9) > 0.5
    assert equivalence_p(0.1, 0.0, margin=0.2, freedom=5) == 0
    assert equivalence_p(0.3, 0.0, margin=0.2, freedom=5) == 1
    assert np.isnan(equivalence_p(0.1, np.nan, margin=0.2, freedom=5))
    with pytest.raises(ValueError, match="margin of equivalence must be above 0, got 0"):
        equivalence_p(0.1, 0.1, margin=0.0, freedom=5)


def test_a_detectable_difference_is_found_as_often_as_promised():
    difference = detectable_difference(1.0, freedom=24)
    power = stats.nct.sf(stats.t.ppf(0.975, 24), 24, difference)
    assert power == pytest.approx(0.8, abs=0.01)
    assert np.isnan(detectable_difference(np.nan, freedom=24))


def test_clusters_needed_are_those_of_the_exact_power_of_the_t_test():
    for effect, known in ((0.2, 199), (0.5, 34), (0.8, 15)):  # paired t-test, 0.8 at 0.05: Cohen's tables
        found = clusters_needed(effect, 1 / np.sqrt(50), freedom=49)
        assert found == pytest.approx(known, abs=1)

        def power(n, effect=effect):
            return stats.nct.sf(stats.t.ppf(0.975, n - 1), n - 1, effect * np.sqrt(n))

        assert power(found + 1) >= 0.8 > power(found - 2)


@pytest.mark.parametrize("freedom", [8, 24, 823])
def test_what_is_detectable_needs_the_clusters_at_hand(freedom):
    difference = detectable_difference(0.3, freedom=freedom)
    assert clusters_needed(difference, 0.3, freedom=freedom) == freedom + 1
    assert clusters_needed(-0.99 * difference, 0.3, freedom=freedom) > freedom + 1


def test_clusters_needed_at_the_ends():
    assert clusters_needed(100.0, 0.1, freedom=20) == clusters_needed(0.1, 0.0, freedom=20) == 8
    assert clusters_needed(0.0, 0.1, freedom=20) == np.inf
    assert np.isnan([clusters_needed(0.1, np.nan, freedom=9), clusters_needed(np.nan, 0.1, freedom=9)]).all()
