"""Envelope post-filter: bound, fixed points, restored loudness. Limit of decay: closed forms and a plain loop."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from percepkit.dsp.postfilter import envelope_postfilter, smooth_gains

LARGEST_DB = 10 * np.log10(1.02 / (2 * np.sqrt(0.02)))  # 5.57


def test_largest_makeup_is_the_published_5_5_db():
    # Reached where the warped energy is sqrt(beta) of the energy before: one small gain alone.
    gains = np.linspace(1e-3, 1, 20_000)[:, None]
    makeup = envelope_postfilter(gains, np.ones_like(gains)) / (gains * np.sin(np.pi / 2 * gains))
    assert 20 * np.log10(makeup.max()) == pytest.approx(LARGEST_DB, abs=1e-3)
    assert pytest.approx(5.57, abs=0.005) == LARGEST_DB


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 10), st.booleans())
def test_the_makeup_is_that_of_the_article_and_bounded(seed, skew, single):
    rng = np.random.default_rng(seed)
    gains, energy = rng.uniform(0.01, 1, (4, 34)) ** skew, rng.exponential(size=(4, 34))
    gains = np.maximum(gains, 1e-6).astype(np.float32 if single else np.float64)
    sharpened = envelope_postfilter(gains, energy)
    for g, e, got in zip(gains.astype(np.float64), energy, sharpened, strict=True):
        warped = g * np.sin(np.pi / 2 * g)
        ratio = np.sum((g**2) * e) / np.sum((warped**2) * e)
        makeup = np.sqrt(1.02 * ratio / (1 + 0.02 * ratio**2))
        np.testing.assert_allclose(got, makeup * warped, rtol=1e-4 if single else 1e-12)
        assert 20 * np.log10(makeup) <= LARGEST_DB + 1e-9
        # Where the valleys lose little, all of it comes back: the frame is as loud as before.
        if ratio < 1.4:
            assert np.sum(got**2 * e) / np.sum(g**2 * e) == pytest.approx(1, abs=0.02)


@given(st.integers(0, 2**32 - 1))
def test_valleys_deepen_relative_to_peaks(seed):
    rng = np.random.default_rng(seed)
    gains, energy = rng.uniform(0.01, 1, (5, 34)), rng.exponential(size=(5, 34))
    sharpened = envelope_postfilter(gains, energy)
    order = np.argsort(gains, axis=1)
    ratio = np.take_along_axis(sharpened / gains, order, axis=1)
    assert (np.diff(ratio, axis=1) >= -1e-12).all()
    # Whatever the level of the sound.
    np.testing.assert_allclose(envelope_postfilter(gains, 1e-6 * energy), sharpened, rtol=1e-9)


def test_ones_and_zeros_stay_and_silence_is_harmless():
    gains = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    np.testing.assert_allclose(envelope_postfilter(gains, np.ones((3, 2))), gains, atol=1e-12)
    assert np.isfinite(envelope_postfilter(np.full((3, 2), 0.5), np.zeros((3, 2)))).all()


def test_gains_decay_no_faster_than_a_short_room():
    gains, steady = np.array([[1.0], [0.0], [0.0], [0.0]]), np.ones((4, 1))
    np.testing.assert_allclose(smooth_gains(gains, steady, 0.01)[:, 0], 0.6 ** np.arange(4))
    # 60 dB in 135 ms at any hop.
    fine = smooth_gains(np.eye(28, 1), np.ones((28, 1)), 0.005)
    assert 20 * np.log10(fine[-1, 0]) == pytest.approx(-60, abs=0.5)
    np.testing.assert_allclose(smooth_gains(gains, steady, 0.02)[:, 0], 0.36 ** np.arange(4))


def test_a_transient_after_speech_does_not_get_through():
    # What is put out rings on, 0.6 of it each hop; it does not open the gain for a louder sound.
    energy = np.array([[1.0], [1.0], [100.0], [100.0], [1e-4]])
    ringing = smooth_gains(np.eye(5, 1), energy, 0.01)
    np.testing.assert_allclose(np.sqrt(energy) * ringing, [[1], [0.6], [0.36], [0.216], [0.006]], rtol=1e-12)
    # The gain is at most 0.6 where the band falls silent faster than that, and silence breaks the chain.
    assert ringing[-1, 0] == pytest.approx(0.6)
    broken = smooth_gains(np.eye(3, 1), np.array([[1.0], [0.0], [1.0]]), 0.01)
    assert broken[:, 0].tolist() == [1, 0, 0]


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.005, 0.01, 0.016]), st.booleans())
def test_smoothing_equals_a_plain_loop(seed, hop_seconds, single):
    rng = np.random.default_rng(seed)
    gains = rng.uniform(size=(20, 5)) ** 4
    gains[rng.uniform(size=(20, 5)) < 0.3] = 0
    energy = 10 ** rng.uniform(-8, 8, (20, 5)) * (rng.uniform(size=(20, 5)) > 0.2)
    gains = gains.astype(np.float32 if single else np.float64)
    before = gains.copy()
    smooth = smooth_gains(gains, energy, hop_seconds)
    np.testing.assert_array_equal(gains, before)
    assert smooth.dtype == gains.dtype
    expected, decay = gains.astype(np.float64), 10 ** (hop_seconds / 0.01 * np.log10(0.6))
    for frame in range(1, 20):
        output = expected[frame - 1] * np.sqrt(energy[frame - 1])
        here = np.sqrt(energy[frame])
        ring = decay * np.minimum(1, np.divide(output, here, out=np.zeros(5), where=here > 0))
        expected[frame] = np.maximum(expected[frame], ring)
    np.testing.assert_allclose(smooth, expected, rtol=1e-5 if single else 1e-12)
    assert (smooth >= gains).all()
    assert smooth.max() <= 1
    np.testing.assert_array_equal(smooth[0], gains[0])
