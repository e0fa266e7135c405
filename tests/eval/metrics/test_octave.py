"""The resampler against SciPy's, with the same filter."""

import numpy as np
import pytest
from scipy.signal import resample_poly

from percepkit.eval.metrics._octave import _antialias_filter, resampled


@pytest.mark.parametrize("n_samples", [1, 7, 500, 4_001])
@pytest.mark.parametrize("rate, up, down", [(8_000, 5, 4), (16_000, 5, 8), (44_100, 100, 441), (48_000, 5, 24)])
def test_equal_to_scipys(rate, up, down, n_samples):
    x = np.random.default_rng(0).standard_normal(n_samples)
    expected = resample_poly(x, up, down, window=_antialias_filter(up, down))
    np.testing.assert_allclose(resampled(x, rate, 10_000), expected, rtol=0, atol=1e-14)


def test_nothing_is_done_at_the_same_rate():
    x = np.ones(3)
    assert resampled(x, 10_000, 10_000) is x
