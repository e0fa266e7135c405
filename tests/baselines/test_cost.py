"""Cost of a denoiser: of one whose work is known."""

import time

import numpy as np
import pytest

from percepkit.baselines.cost import cost_percent
from percepkit.baselines.registry import FunctionDenoiser, load


def test_known_work_is_measured():
    def busy(noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        end = time.process_time() + 0.1 * len(noisy) / sample_rate
        while time.process_time() < end:
            pass
        return noisy

    assert cost_percent(FunctionDenoiser(busy, "busy"), 16_000, seconds=1.0) == pytest.approx(10, abs=4)


def test_oracles_are_told_the_stems():
    assert cost_percent(load("oracle-irm"), 16_000, seconds=1.0) > 0
