"""Comb filter: weights, response between harmonics, fractional periods, limits of look-ahead, edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


@pytest.mark.parametrize("order", [1, 3, 5, 8])
def test_weights_without_all_of_the_future_still_sum_to_one(order):
    for future in range(order + 1):
        w = comb.comb_weights(order, future)
        assert w.sum() == pytest.approx(1)
        assert not w[: order - future].any()
        assert (w[order - future :] > 0).all()
        assert w.argmax() == order  # the frame itself weighs most
    np.testing.assert_allclose(w, comb.comb_weights(order), atol=1e-15)


@settings(max_examples=50)
@given(
    st.sampled_from([1, 3, 5, 8]),
    st.integers(0, 1500),
    st.integers(40, 240),
    st.sampled_from([np.float32, np.float64]),
    st.integers(0, 2**32 - 1),
)
def test_a_limited_comb_sees_no_later_sample(order, look_ahead, hop, dtype, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(20 * hop).astype(dtype)
    period = np.where(rng.uniform(size=21) < 0.9, rng.uniform(8, 400, 21), 0.0)
    whole = comb.comb_frames(x, period, hop, order=order, look_ahead=look_ahead)
    for frame in range(21):
        other = x.copy()
        other[(frame + 1) * hop + look_ahead :] = 7.0
        changed = comb.comb_frames(other, period, hop, order=order, look_ahead=look_ahead)
        np.testing.assert_array_equal(changed[: frame + 1], whole[: frame + 1])


@pytest.mark.parametrize("order", [1, 3, 5, 8])
def test_a_comb_uses_all_the_periods_that_its_look_ahead_allows(order):
    x = np.random.default_rng(0).standard_normal(6400)
    period = np.full(41, 90.3)
    unlimited = comb.comb_frames(x, period, 160, order=order)
    enough = int(np.ceil(order * 90.3)) + comb.HALF_WIDTH
    np.testing.assert_array_equal(comb.comb_frames(x, period, 160, order=order, look_ahead=enough), unlimited)
    for future in range(order):  # the sinc of one tap ahead needs HALF_WIDTH samples more
        look_ahead = int(np.ceil((future + 1) * 90.3)) + comb.HALF_WIDTH - 1
        got = comb.noise_gains(period[:1], order=order, look_ahead=look_ahead)[0]
        w = comb.comb_weights(order, future)
        np.testing.assert_allclose(got, [w[order], w @ w], rtol=1e-12)


@pytest.mark.parametrize("look_ahead", [0, 160, 300, 1000, None])
@pytest.mark.parametrize("order", [1, 3, 5, 8])
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
    # Zero phase: sample for sample the tone itself, however little of the future is used.
    tone = np.cos(2 * np.pi * 9 * np.arange(160_000) / 101.37 + 1)
    same = comb.comb_frames(tone, period, 160, order=order, look_ahead=look_ahead)[20:-20]
    expected = np.lib.stride_tricks.sliding_window_view(np.pad(tone, 160), 320)[::160][20:-20]
    assert np.abs(same - expected).max() < 2e-3


def test_whole_periods_lose_the_high_harmonics():
    # At 16 kHz a rounded period is off by up to 2.5 samples at the fifth tap.
    period, whole, n = 70.5, 71.0, np.arange(16_000)
    for harmonic in (1, 10, 20, 24):
        tone = np.cos(2 * np.pi * harmonic * n / period)
        kept, lost = (
            np.sqrt(2 * np.mean(comb.comb_frames(tone, np.full(101, p), 160)[20:80] ** 2)) for p in (period, whole)
        )
        slip = 2 * np.pi * harmonic * (whole - period) / period * np.arange(-5, 6)
        assert kept == pytest.approx(1, abs=0.01)
        assert lost == pytest.approx(abs(comb.comb_weights() @ np.cos(slip)), abs=0.01)
    assert lost < 0.2


def test_too_short_periods_are_refused():
    with pytest.raises(ValueError, match=r"at least 8 samples, or 0 for none; found 5\.0"):
        comb.comb_frames(np.ones(1600), np.full(11, 5.0), 160)
