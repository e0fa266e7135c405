"""Audit of the waveform on signals with a known share of damage."""

import re

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
    smooth = np.convolve(NOISE, np.hanning(20), "same")
    limit = 1.2 * smooth.std()
    clipped = np.clip(smooth, -limit, limit)
    at_rail = "".join("+" if x == limit else "-" if x == -limit else "0" for x in clipped)
    expected = sum(len(run) for run in re.findall(r"\+{3,}|-{3,}", at_rail)) / len(clipped)
    assert expected > 0.1
    assert values(smooth, clipped)[0] == pytest.approx(expected, abs=1e-9)
    assert values(smooth, smooth)[0] == 0


def test_signal_after_the_last_frame_only():
    late = np.zeros(700)
    late[-1] = 1
    outcomes = score_all(NAMES, late, np.ones(700), RATE)
    assert {outcome.status for outcome in outcomes.values()} == {"too_short"}
