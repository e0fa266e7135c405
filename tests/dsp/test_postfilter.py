"""Envelope post-filter: its bound, its fixed points and the loudness it restores."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from percepkit.dsp.postfilter import envelope_postfilter, smooth_gains


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


def test_gains_decay_no_faster_than_a_short_room():
    gains, steady = np.array([[1.0], [0.0], [0.0], [0.0]]), np.ones((4, 1))
    np.testing.assert_allclose(smooth_gains(gains, steady, 0.01)[:, 0], 0.6 ** np.arange(4))
    # 60 dB in 135 ms at any hop.
    fine = smooth_gains(np.eye(28, 1), np.ones((28, 1)), 0.005)
    assert 20 * np.log10(fine[-1, 0]) == pytest.approx(-60, abs=0.5)
    # Where the noisy band grows by 20 dB, what may ring on shrinks by as much.
    louder = smooth_gains(gains[:2], np.array([[1.0], [100.0]]), 0.01)
    assert louder[1, 0] == pytest.approx(0.06)


@given(st.integers(0, 2**32 - 1))
def test_smoothing_never_lowers_a_gain_or_exceeds_one(seed):
    rng = np.random.default_rng(seed)
    gains, energy = rng.uniform(size=(20, 5)), rng.exponential(size=(20, 5)) * (rng.uniform(size=(20, 5)) > 0.2)
    smooth = smooth_gains(gains, energy, 0.01)
    assert (smooth >= gains).all()
    assert smooth.max() <= 1
