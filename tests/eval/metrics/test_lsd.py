"""Log-spectral distance: gains, the floor, and a plain loop."""

import numpy as np
import pytest

from percepkit.eval.metrics import lsd, score_all

NOISE = np.random.default_rng(0).standard_normal(48_000)


def score(reference, estimate, rate=48_000):
    return lsd.score(lsd.prepare(reference, rate), estimate)["lsd"]


@pytest.mark.parametrize("gain", [0.5, -2.0, 10.0])
def test_gain_is_a_distance(gain):
    assert score(NOISE, gain * NOISE) == pytest.approx(20 * np.log10(abs(gain)) * np.sign(abs(gain) - 1), abs=1e-6)


def test_muted_half_costs_the_range_down_to_the_floor():
    muted = np.where(np.arange(48_000) < 24_000, NOISE, 0)
    power = lsd._power(NOISE / np.abs(NOISE).max(), 1536)
    above_floor = 10 * np.log10(power / (power.max() * 1e-8))
    expected = np.mean(np.sqrt(np.mean(np.maximum(above_floor, 0) ** 2, axis=1))) / 2
    assert score(NOISE, muted) == pytest.approx(expected, rel=0.05)  # one frame of 61 is cut


def test_level_of_both_plays_no_role():
    estimate = NOISE + 0.3 * np.roll(NOISE, 99)
    assert score(1e-4 * NOISE, 1e-4 * estimate) == pytest.approx(score(NOISE, estimate), rel=1e-9)


def test_value_is_that_of_a_plain_loop():
    estimate = np.convolve(NOISE, [1, 0.5])[: len(NOISE)]
    window = 0.5 * (1 - np.cos(2 * np.pi * np.arange(512) / 512))
    values = []
    for start in range(0, 48_000 - 511, 256):
        x, y = (np.abs(np.fft.rfft(s[start : start + 512] * window)) for s in (NOISE, estimate))
        values.append(np.sqrt(np.mean((20 * np.log10(x / y)) ** 2)))
    assert score(NOISE, estimate, 16_000) == pytest.approx(
        np.mean(values), rel=1e-3
    )  # few bins are below the floor


def test_whole_band_is_heard():
    spectrum = np.fft.rfft(NOISE)
    low = np.fft.irfft(spectrum * np.where(np.arange(24_001) < 20_000, 1, 0.1))
    assert score(NOISE, low) == pytest.approx(20 * np.sqrt(4 / 24), abs=0.3)


def test_one_frame_is_needed():
    outcomes = [score_all(["lsd"], NOISE[:n], NOISE[:n] * 2, 48_000)["lsd"].status for n in (1535, 1536)]
    assert outcomes == ["too_short", "ok"]
