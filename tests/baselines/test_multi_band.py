"""Multi-band subtraction: band factors at their knots, and the formula in bands of different SNR."""

import numpy as np
import pytest

from percepkit.baselines.grid import Grid
from percepkit.baselines.multi_band import FLOOR, RETURNED, MultiBandSubtraction, band_factor

GRID = Grid(161, 50.0, 0.01)


def test_band_factor_at_its_knots():
    edges = np.array([500.0, 1_000, 1_001, 6_000, 6_001, 8_000])
    assert band_factor(edges, 16_000) == pytest.approx([1, 1, 2.5, 2.5, 1.5, 1.5])


def test_every_band_has_its_own_over_subtraction():
    power = np.repeat([100.0, 10.0, 20.0, 1.0], [40, 40, 40, 41])[None].repeat(5, axis=0)
    gains = MultiBandSubtraction(GRID).gains(power, np.ones_like(power))[-1]
    # Factor 1 for the lowest band, 2.5 in the middle; over-subtraction 1 at 20 dB, 2.5 at 10 dB.
    alpha_13 = 4 - 0.15 * 10 * np.log10(20)
    left = {5: 100 - 1, 25: 100 - 2.5, 45: 10 - 2.5 * 2.5, 85: 20 - 2.5 * alpha_13, 125: FLOOR}
    for bin_, wanted in left.items():
        assert gains[bin_] ** 2 == pytest.approx(min(wanted / power[0, bin_] + RETURNED, 1))


def test_frames_are_averaged_over_the_two_before():
    power = np.ones((6, 161))
    power[3] = 67.0
    rule = MultiBandSubtraction(GRID)
    silent = np.zeros_like(power)
    wanted = np.concatenate([rule.gains(power[:4], silent[:4]), rule.gains(power[4:], silent[4:])])
    weights = np.array([0.32, 0.25, 0.09]) / 0.66
    level = (1 + 66 * weights) * (1 + RETURNED)
    expected = np.sqrt(np.minimum(level / [67, 1, 1], 1))
    assert wanted[3:, 50] == pytest.approx(expected)
