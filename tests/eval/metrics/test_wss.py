"""Weighted spectral slope distance: a plain loop, and where it is zero."""

import numpy as np
import pytest

from percepkit.eval.metrics import _loizou, wss

RATE = 16_000


def plain_peak(energy, slope):
    """Nearest peaks of one frame, with the counting of the original program."""
    n = len(slope)
    peaks = []
    for i in range(n):
        k = i
        if slope[i] > 0:
            while k < n and slope[k] > 0:
                k += 1
            peaks.append(energy[k - 1])
        else:
            while k >= 0 and slope[k] <= 0:
                k -= 1
            peaks.append(energy[k + 1])
    return peaks


def test_nearest_peaks_are_those_of_a_plain_search():
    rng = np.random.default_rng(0)
    energy = rng.integers(0, 5, (200, 25)).astype(float)  # plateaus too
    energy[0] = np.arange(25)
    energy[1] = -np.arange(25)
    slope = np.diff(energy, axis=1)
    expected = [plain_peak(e, s) for e, s in zip(energy, slope, strict=True)]
    np.testing.assert_array_equal(wss._nearest_peak(energy, slope), expected)


def test_value_is_that_of_a_plain_loop():
    rng = np.random.default_rng(1)
    clean = rng.standard_normal(4_000) * 0.1
    estimate = clean + 0.1 * rng.standard_normal(4_000)
    frames = []
    bands = [_loizou.critical_bands(x + 2.0**-52, RATE, exponent=1)[0] for x in (clean, estimate)]
    for powers in zip(*bands, strict=True):
        slopes, weights = [], []
        for power in powers:
            energy = 10 * np.log10(power)
            slope = np.diff(energy)
            nearest = np.array(plain_peak(energy, slope))
            slopes.append(slope)
            weights.append(20 / (20 + energy.max() - energy[:-1]) / (1 + nearest - energy[:-1]))
        weight = np.mean(weights, axis=0)
        frames.append(np.sum(weight * (slopes[0] - slopes[1]) ** 2) / np.sum(weight))
    expected = np.mean(np.sort(frames)[: round(0.95 * len(frames))])
    assert wss.score(wss.prepare(clean, RATE), estimate)["wss"] == pytest.approx(expected, rel=1e-12)


def test_gain_plays_no_role_above_the_floor():
    clean, noise = 0.1 * np.random.default_rng(2).standard_normal((2, RATE))
    state = wss.prepare(clean, RATE)
    value = wss.score(state, clean + noise)["wss"]
    assert value > 1
    assert wss.score(state, 0.1 * (clean + noise))["wss"] == pytest.approx(value, rel=1e-9)
    assert wss.score(state, 1e-6 * (clean + noise))["wss"] != pytest.approx(value, rel=1e-3)  # below -100 dB
