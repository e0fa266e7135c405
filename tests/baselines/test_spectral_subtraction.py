"""Berouti's rule: its schedule, its floor, and what is left of noise."""

import numpy as np
import pytest

from percepkit.baselines.registry import load
from percepkit.baselines.spectral_subtraction import FLOOR, SpectralSubtraction, over_subtraction


def test_schedule_at_its_knots():
    assert over_subtraction(np.array([-20.0, -5.0, 0.0, 10.0, 20.0, 40.0])) == pytest.approx(
        [4.75, 4.75, 4, 2.5, 1, 1]
    )


def test_gain_subtracts_alpha_times_the_noise():
    rule = SpectralSubtraction(100)
    rule.gains(np.ones((40, 100)))  # noise of unit power without any spread
    frame = np.ones((1, 100))
    frame[0, :10] = 91.0  # frame SNR 10 dB: alpha = 2.5
    noise = rule._tracker.noise_power
    gains = rule.gains(frame)[0]
    after = rule._tracker.noise_power
    alpha = 4 - 0.15 * 10 * np.log10(frame.sum() / after.sum())
    assert noise == pytest.approx(after, rel=0.01)
    assert gains[:10] ** 2 * 91 == pytest.approx(91 - alpha * after[:10])
    assert gains[50] ** 2 == pytest.approx(FLOOR * after[50])


def test_gain_never_exceeds_one():
    rule = SpectralSubtraction(1)
    rule.gains(np.ones((40, 1)))
    assert rule.gains(np.full((3, 1), 1e-9)).max() <= 1


def test_stationary_noise_is_attenuated():
    noise = np.random.default_rng(0).standard_normal(32_000)
    left = load("spectral-subtraction")(noise, 16_000)[8_000:]
    assert 20 * np.log10(np.std(left)) < -12
