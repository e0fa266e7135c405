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


@pytest.mark.parametrize("order, future", [(5, 0), (5, 2), (3, 1), (8, 8)])
def test_weights_without_all_of_the_future_still_sum_to_one(order, future):
    w = comb.comb_weights(order, future)
    assert w.sum() == pytest.approx(1)
    assert not w[: order - future].any()
    assert (w[order - future :] > 0).all()


@pytest.mark.parametrize("look_ahead", [0, 160, 480, 1000])
def test_a_limited_comb_sees_no_later_sample(look_ahead):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(8000)
    period = rng.uniform(40, 200, 51)
    whole = comb.comb_frames(x, period, 160, look_ahead=look_ahead)
    for frame in (10, 25, 40):
        other = x.copy()
        other[(frame + 1) * 160 + look_ahead :] = 7.0
        np.testing.assert_array_equal(
            comb.comb_frames(other, period, 160, look_ahead=look_ahead)[frame], whole[frame]
        )


@pytest.mark.parametrize("look_ahead", [0, 300, None])
@pytest.mark.parametrize("order", [1, 3, 5])
def test_noise_gains_are_those_of_white_noise_and_harmonics_pass(order, look_ahead):
    x = np.random.default_rng(1).standard_normal(160_000)
    period = np.full(1001, 101.37)
    out = comb.comb_frames(x, period, 160, order=order, look_ahead=look_ahead)[20:-20]
    centre, spread = comb.noise_gains(period[:1], order=order, look_ahead=look_ahead)[0]
    reference = np.lib.stride_tricks.sliding_window_view(np.pad(x, 160), 320)[::160][20:-20]
    low = np.abs(np.fft.rfftfreq(320)) < 0.35  # where the interpolation is exact
    a, b = (np.fft.rfft(v * np.hanning(320))[:, low] for v in (out, reference))
    assert np.mean(np.abs(a) ** 2) / np.mean(np.abs(b) ** 2) == pytest.approx(spread, rel=0.05)
    assert np.mean((a * b.conj()).real) / np.mean(np.abs(b) ** 2) == pytest.approx(centre, abs=0.02)
    tone = np.cos(2 * np.pi * 9 * np.arange(160_000) / 101.37 + 1)
    same = comb.comb_frames(tone, period, 160, order=order, look_ahead=look_ahead)[20:-20]
    expected = np.lib.stride_tricks.sliding_window_view(np.pad(tone, 160), 320)[::160][20:-20]
    assert np.abs(same - expected).max() < 2e-3


def test_whole_periods_lose_the_high_harmonics():
    # At 16 kHz a rounded period is off by up to 2.5 samples at the fifth tap.
    period, n = 70.5, np.arange(16_000)
    tone = np.cos(2 * np.pi * 20 * n / period)
    kept, lost = (
        np.sqrt(2 * np.mean(comb.comb_frames(tone, np.full(101, p), 160)[20:80] ** 2)) for p in (period, 71.0)
    )
    assert kept == pytest.approx(1, abs=0.01)
    assert lost < 0.5


def test_too_short_periods_are_refused():
    with pytest.raises(ValueError, match=r"at least 8 samples, or 0 for none; found 5\.0"):
        comb.comb_frames(np.ones(1600), np.full(11, 5.0), 160)
