"""The bias of minima against the table, and against minima of simulated smoothed noise."""

import numpy as np
import pytest
from scipy.signal import lfilter

from percepkit.baselines.estimators.minimum_statistics import bias_of_minimum, mean_of_minimum


def test_table_at_its_knots_and_between():
    assert [mean_of_minimum(n) for n in (1, 20, 160, 300)] == pytest.approx([0, 0.705, 0.91, 0.94])
    assert 0.865 < mean_of_minimum(100) < 0.89


def test_no_bias_of_one_frame_and_more_of_many():
    assert bias_of_minimum(0.1, 1, mean_of_minimum(1)) == 1
    assert bias_of_minimum(0.5, 160, 0.9) == pytest.approx(1 + 2 * 159 * 0.1 / (2 - 1.8))


@pytest.mark.parametrize("alpha", [0.8, 0.9])
def test_bias_agrees_with_simulation(alpha):
    """Smoothed exponential variables: 2 (1 + alpha) / (1 - alpha) degrees of freedom."""
    noise = np.random.default_rng(0).exponential(size=(400, 154 + 200))
    smoothed = lfilter([1 - alpha], [1, -alpha], noise)[:, 200:]
    freedom = 2 * (1 + alpha) / (1 - alpha)
    simulated = 1 / smoothed.min(axis=1).mean()
    expected = bias_of_minimum(1 / freedom, 154, mean_of_minimum(154))
    assert 10 * np.log10(simulated / expected) == pytest.approx(0, abs=0.7)
