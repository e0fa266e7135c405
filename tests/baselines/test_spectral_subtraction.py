"""The subtractions: formulas, Berouti's schedule, floors, and what is left of noise."""

import numpy as np
import pytest

from percepkit.baselines.grid import Grid
from percepkit.baselines.registry import load
from percepkit.baselines.spectral_subtraction import (
    FLOOR,
    MagnitudeSubtraction,
    PowerSubtraction,
    SpectralSubtraction,
    over_subtraction,
)


def test_schedule_at_its_knots():
    assert over_subtraction(np.array([-20.0, -5.0, 0.0, 10.0, 20.0, 40.0])) == pytest.approx(
        [4.75, 4.75, 4, 2.5, 1, 1]
    )


def gains_of(law, power: np.ndarray, noise: np.ndarray) -> np.ndarray:
    return law(Grid(power.shape[1], 50.0, 0.01)).gains(power, noise)


def test_gain_subtracts_alpha_times_the_noise():
    power, noise = np.ones((1, 100)), np.full((1, 100), 0.9)
    power[0, :10] = 90.0
    gains = gains_of(SpectralSubtraction, power, noise)[0]
    alpha = 4 - 0.15 * 10 * np.log10(990 / 90)
    assert gains[:10] ** 2 * 90 == pytest.approx(90 - alpha * 0.9)
    assert gains[50] ** 2 == pytest.approx(FLOOR * 0.9)


@pytest.mark.parametrize("power, noise", [(9.0, 2.0), (2.5, 2.0), (1.0, 2.0)])
def test_plain_subtractions_are_their_formulas(power, noise):
    frame = np.full((1, 3), power)
    floor = np.sqrt(0.01 * noise)
    expected = max(np.sqrt(max(power - noise, 0)), floor)
    assert gains_of(PowerSubtraction, frame, np.full((1, 3), noise)) * np.sqrt(power) == pytest.approx(expected)
    mean_magnitude = np.sqrt(np.pi * noise) / 2
    expected = max(np.sqrt(power) - mean_magnitude, floor)
    assert gains_of(MagnitudeSubtraction, frame, np.full((1, 3), noise)) * np.sqrt(power) == pytest.approx(
        expected
    )


@pytest.mark.parametrize("law", [MagnitudeSubtraction, PowerSubtraction, SpectralSubtraction])
def test_gain_never_exceeds_one_and_survives_nothing(law):
    assert gains_of(law, np.full((3, 2), 1e-9), np.ones((3, 2))).max() == 1
    assert np.isfinite(gains_of(law, np.zeros((3, 2)), np.zeros((3, 2)))).all()
    assert gains_of(law, np.ones((3, 2)), np.zeros((3, 2))) == pytest.approx(1)


def test_stationary_noise_is_attenuated():
    noise = np.random.default_rng(0).standard_normal(32_000)
    left = load("spectral-subtraction")(noise, 16_000)[8_000:]
    assert 20 * np.log10(np.std(left)) < -12
