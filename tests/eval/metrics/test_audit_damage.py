"""Audit of the waveform on signals with a known share of damage."""

import numpy as np
import pytest

from percepkit.eval.metrics import score_all

NAMES = ["clipped_share", "muted_share"]
RATE = 16_000
NOISE = np.random.default_rng(0).standard_normal(100 * 320)


def values(reference, estimate):
    return [outcome.value for outcome in score_all(NAMES, reference, estimate, RATE).values()]


@pytest.mark.parametrize("n_muted", [0, 1, 37, 80])
@pytest.mark.parametrize("gain", [1.0, -1e-3, 1e6])
def test_muted_frames_are_counted(n_muted, gain):
    frame = np.arange(len(NOISE)) // 320
    estimate = gain * np.where(frame < n_muted, 1e-3, 1) * NOISE
    assert values(NOISE, estimate) == [0, n_muted / 100]


def test_pauses_of_the_reference_may_be_muted_and_little_attenuation_is_none():
    frame = np.arange(len(NOISE)) // 320
    reference = np.where(frame < 50, 1e-4, 1) * NOISE
    estimate = np.where(frame < 50, 0, np.where(frame < 75, 10 ** (-25 / 20), 1)) * NOISE
    assert values(reference, estimate)[1] == 0


def test_clipped_samples_are_counted():
    tone = np.sin(2 * np.pi * 50 * np.arange(RATE) / RATE)
    clipped = np.clip(tone, -0.5, 0.5)
    expected = np.mean(np.abs(tone) >= 0.5)
    assert values(tone, clipped)[0] == pytest.approx(expected, abs=1e-9)
    assert values(tone, tone)[0] == 0


def test_signal_after_the_last_frame_only():
    late = np.zeros(700)
    late[-1] = 1
    outcomes = score_all(NAMES, late, np.ones(700), RATE)
    assert {outcome.status for outcome in outcomes.values()} == {"too_short"}
