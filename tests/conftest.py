"""Fixtures that many tests share."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# Compiling numba functions takes seconds once; the same examples in every run keep a failure repeatable.
settings.register_profile("percepkit", deadline=None, derandomize=True)
settings.load_profile("percepkit")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real speech, noise, rooms and reference values beside the checkout; not part of the project."""
    if not (SHARED / "corpus" / "SOURCES.md").is_file():
        pytest.skip("no ../shared/corpus beside the checkout: tests on real recordings are skipped")
    return SHARED


@pytest.fixture(scope="session")
def voice() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Maker of vowel-like tones with known pitch: (sample_rate, seconds, f0_hz, glide) to signal and f0."""

    def make(
        sample_rate: int, seconds: float, f0_hz: float = 120.0, *, glide: float = 0.5
    ) -> tuple[np.ndarray, np.ndarray]:
        t = np.arange(int(seconds * sample_rate)) / sample_rate
        f0 = f0_hz * 2 ** (glide * np.sin(2 * np.pi * 0.7 * t))
        phase = 2 * np.pi * np.cumsum(f0) / sample_rate
        x = sum(np.sin(k * phase + k) / k * (k * f0 < 0.45 * sample_rate) for k in range(1, 40))
        return 0.1 * np.asarray(x), f0

    return make
