"""Envelope post-filter: its bound, its fixed points and the loudness it restores."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from percepkit.dsp.postfilter import envelope_postfilter


def test_largest_makeup_is_the_published_5_5_db():
    # Reached where the warped energy is sqrt(beta) of the energy before: one small gain alone.
    gains = np.linspace(1e-3, 1, 20_000)[:, None]
    makeup = envelope_postfilter(gains, np.ones_like(gains)) / (gains * np.sin(np.pi / 2 * gains))
    assert 20 * np.log10(makeup.max()) == pytest.approx(10 * np.log10(1.02 / (2 * np.sqrt(0.02))), abs=1e-3)


@given(st.integers(0, 2**32 - 1))
def test_valleys_deepen_relative_to_peaks(seed):
    rng = np.random.default_rng(seed)
    gains, energy = rng.uniform(0.01, 1, (5, 34)), rng.exponential(size=(5, 34))
    sharpened = envelope_postfilter(gains, energy)
    order = np.argsort(gains, axis=1)
    ratio = np.take_along_axis(sharpened / gains, order, axis=1)
    assert (np.diff(ratio, axis=1) >= -1e-12).all()


def test_ones_and_zeros_stay():
    gains = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    np.testing.assert_allclose(envelope_postfilter(gains, np.ones((3, 2))), gains, atol=1e-12)
