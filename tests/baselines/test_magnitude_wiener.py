"""The Wiener gain on magnitudes against its recursion written out."""

import numpy as np
import pytest

from percepkit.baselines.grid import Grid
from percepkit.baselines.magnitude_wiener import MagnitudeWiener


def test_gains_follow_the_recursion_written_out():
    generator = np.random.default_rng(0)
    magnitude, noise = generator.rayleigh(3, size=(40, 3)), generator.uniform(0.5, 1, size=(40, 3))
    grid = Grid(3, 50.0, -0.495 * np.log(0.98))
    gains = MagnitudeWiener(grid).gains(magnitude**2, noise**2 * 4 / np.pi)
    clean = np.zeros(3)
    for frame in range(40):
        prior = 0.98 * clean / noise[frame] + 0.02 * np.maximum(magnitude[frame] / noise[frame] - 1, 0)
        expected = np.maximum(prior / (1.1 + prior), 0.125)
        assert gains[frame] == pytest.approx(expected)
        clean = expected * magnitude[frame]
