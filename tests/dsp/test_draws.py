"""Draws: independent of order and batch, uniform and normal in distribution."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from percepkit.dsp import draws


@given(st.integers(0, 2**128 - 1), st.integers(0, 10**9), st.integers(1, 50), st.data())
def test_any_item_can_be_drawn_alone(key, first, count, data):
    whole = draws.words(key, first, count)
    item = data.draw(st.integers(0, count - 1))
    np.testing.assert_array_equal(draws.words(key, first + item, 1)[0], whole[item])


def test_words_are_the_documented_philox_stream():
    # The first words of Philox4x64-10 with key 0 and counter 1 (Random123's known answers are for counter 0,
    # NumPy increments before it generates).
    expected = np.random.Philox(key=0).random_raw(8).reshape(2, 4)
    np.testing.assert_array_equal(draws.words(0, 0, 2), expected)


def test_draws_follow_their_distributions():
    raw = draws.words(draws.key_of(3, "train", "snr"), 0, 50_000)
    for column in range(4):
        assert stats.kstest(draws.uniform(raw[:, column]), "uniform").pvalue > 1e-3
        assert stats.kstest(draws.normal(raw[:, column]), "norm").pvalue > 1e-3
    assert np.abs(np.corrcoef(draws.uniform(raw).T) - np.eye(4)).max() < 0.02


def test_keys_separate_seeds_splits_and_stages():
    keys = {
        draws.key_of(*p) for p in [(1, "a", "b"), (1, "ab", ""), (1, "", "ab"), (2, "a", "b"), ("1", "a", "b")]
    }
    assert len(keys) == 5
