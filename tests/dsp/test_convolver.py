"""The convolver against the sum that defines convolution."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from percepkit.dsp.convolver import Convolver


@given(
    n=st.integers(1, 700),
    taps=st.lists(st.integers(1, 300), min_size=1, max_size=3),
    planned=st.integers(1, 700),
    seed=st.integers(0, 9),
)
def test_equals_the_defining_sum(n, taps, planned, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n).astype(np.float32)
    filters = [rng.standard_normal(k) for k in taps]
    for found, h in zip(Convolver(filters, planned)(x), filters, strict=True):
        assert found.shape == x.shape
        assert found.dtype == np.float32
        assert found == pytest.approx(np.convolve(x.astype(np.float64), h)[:n], abs=1e-5 * np.abs(h).sum() * 4)
