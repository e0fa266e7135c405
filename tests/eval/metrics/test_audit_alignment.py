"""Audit of the alignment on signals whose gain, delay and polarity are known."""

import numpy as np
import pytest

from percepkit.eval.metrics import score_all

NAMES = ["gain_error_db", "delay_ms", "inverted"]
RATE = 16_000
SPEECH, NOISE = np.random.default_rng(0).standard_normal((2, 2 * RATE))


def values(reference, estimate):
    return [outcome.value for outcome in score_all(NAMES, reference, estimate, RATE).values()]


@pytest.mark.parametrize("delay", [0, 5, -5, 3_000])
@pytest.mark.parametrize("gain", [1.0, -1.0, 0.5, -4.0])
def test_known_truth_in_noise(delay, gain):
    found = values(SPEECH, gain * (np.roll(SPEECH, delay) + 0.3 * NOISE))
    assert found[0] == pytest.approx(abs(20 * np.log10(abs(gain))), abs=0.2)
    assert found[1] == pytest.approx(abs(delay) / 16, abs=2e-3)
    assert found[2] == (gain < 0)


@pytest.mark.parametrize("estimate", [NOISE, np.roll(SPEECH, 8_000)])
def test_nothing_to_align(estimate):
    outcomes = score_all([*NAMES, "clipped_share"], SPEECH, estimate, RATE)
    assert [outcome.status for outcome in outcomes.values()] == ["no_alignment"] * 3 + ["ok"]


def test_shortest_signal():
    for n_samples, status in ((3_999, "too_short"), (4_000, "ok")):
        assert score_all(["inverted"], SPEECH[:n_samples], SPEECH[:n_samples], RATE)["inverted"].status == status
