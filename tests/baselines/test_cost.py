"""Cost of a denoiser: of one whose work is known; and what the shipped ones may cost."""

import time

import numpy as np
import pytest

from percepkit.baselines.cost import cost_percent
from percepkit.baselines.denoiser import CausalDenoiser
from percepkit.baselines.registry import FunctionDenoiser, load, names

# Percent of a core at 16 and 48 kHz; far above what is measured on idle machines, as busy ones take longer.
LIMITS = {"subspace": (30, 60), "subspace-white": (30, 60), "magnitude-wiener-music": (4, 6)}
SPECTRAL = (2, 5)


def test_known_work_is_measured():
    def busy(noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        end = time.process_time() + 0.1 * len(noisy) / sample_rate
        while time.process_time() < end:
            pass
        return noisy

    assert cost_percent(FunctionDenoiser(busy, "busy"), 16_000, seconds=1.0) == pytest.approx(10, abs=4)


def test_oracles_are_told_the_stems():
    assert cost_percent(load("oracle-irm"), 16_000, seconds=1.0) > 0


@pytest.mark.parametrize("name", [name for name in names() if isinstance(load(name), CausalDenoiser)])
def test_shipped_denoisers_keep_within_their_cost(name):
    limits = LIMITS.get(name, SPECTRAL)
    for sample_rate, limit in zip((16_000, 48_000), limits, strict=True):
        assert min(cost_percent(load(name), sample_rate, seconds=2.0) for _ in range(2)) <= limit
