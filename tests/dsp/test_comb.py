"""Comb filter: weights, response between harmonics, fractional periods, edges."""

import numpy as np
import pytest

from percepkit.dsp import comb


@pytest.mark.parametrize("order, decibels", [(1, 0.375), (3, 0.1875), (5, 0.125)])
def test_weights_have_the_published_noise_gain(order, decibels):
    w = comb.comb_weights(order)
    assert w.sum() == pytest.approx(1)
    assert w @ w == pytest.approx(decibels)  # 3 / (4 (M + 1)); -9 dB for M = 5


@pytest.mark.parametrize("sample_rate, period", [(16_000, 67.3), (16_000, 133.5), (48_000, 401.37), (8000, 40.49)])
def test_harmonics_pass_and_what_lies_between_is_attenuated(sample_rate, period):
    n = np.arange(sample_rate)
    frames = np.full(101, period)
    middle = slice(48, 53)
    # The sinc of 16 taps interpolates well up to 0.7 of the Nyquist frequency.
    for harmonic in (1, 5, int(0.35 * period)):
        tone = np.cos(2 * np.pi * harmonic * n / period + 0.3)
        want = np.lib.stride_tricks.sliding_window_view(np.pad(tone, sample_rate // 100), sample_rate // 50)
        want = want[:: sample_rate // 100][middle]
        got = comb.comb_frames(tone, frames, sample_rate // 100)[middle]
        assert np.abs(got - want).max() < 0.003
    for offset, gain in [(0.05, 10 ** (-2.1 / 20)), (0.1, 10 ** (-9.0 / 20)), (0.5, 0.0)]:
        tone = np.cos(2 * np.pi * (3 + offset) * n / period)
        got = comb.comb_frames(tone, frames, sample_rate // 100)[middle]
        assert np.sqrt(2 * np.mean(got**2)) == pytest.approx(gain, abs=0.03)


def test_integer_period_equals_the_plain_sum():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(3000)
    got = comb.comb_frames(x, np.full(20, 100.0), 160)
    padded = np.pad(x, 1000)
    for frame in (0, 5, 19):
        n = 1000 + np.arange((frame - 1) * 160, (frame + 1) * 160)
        want = sum(
            w * padded[np.clip(n - k * 100, 0, 4999)]
            for k, w in zip(range(-5, 6), comb.comb_weights(), strict=True)
        )
        np.testing.assert_allclose(got[frame], want, atol=1e-12)


def test_unvoiced_frames_are_zero_and_wrong_lengths_refused():
    x = np.ones(1600)
    assert not comb.comb_frames(x, np.zeros(11), 160).any()
    with pytest.raises(ValueError, match="have 11 frames, found periods of shape \\(9,\\)"):
        comb.comb_frames(x, np.zeros(9), 160)
