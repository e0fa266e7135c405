"""Segmental SNR against its closed form, frame by frame."""

import numpy as np
import pytest

from percepkit.eval.metrics import score_all, segmental_snr

RATE = 16_000


def score(clean, estimate):
    return segmental_snr.score(segmental_snr.prepare(clean, RATE), estimate)


@pytest.mark.parametrize(
    "gain, expected_db", [(0.9, 20.0), (0.0 + 1e-9, 0.0), (1.1, 20.0), (5.0, -10.0), (1.001, 35.0)]
)
def test_gain_error_gives_its_ratio_within_the_limits(gain, expected_db):
    clean = np.random.default_rng(0).standard_normal(RATE)
    values = score(clean, gain * clean)
    assert values["ssnr"] == pytest.approx(expected_db, abs=1e-6)
    assert values["ssnr_active"] == pytest.approx(expected_db, abs=1e-6)


def test_means_are_those_of_a_plain_loop():
    rng = np.random.default_rng(1)
    clean = rng.standard_normal(RATE) * np.repeat([1.0, 1e-3, 0.3, 0.0], RATE // 4)
    estimate = clean + 0.05 * rng.standard_normal(RATE)
    window = 0.5 * (1 - np.cos(2 * np.pi * np.arange(1, 481) / 481))
    ratios, energies = [], []
    for start in range(0, 128 * 120 + 1, 120):
        x, y = clean[start : start + 480] * window, estimate[start : start + 480] * window
        energies.append(np.sum(x**2))
        ratio = 10 * np.log10((np.sum(x**2) + 1e-300) / np.sum((x - y) ** 2))
        ratios.append(min(35.0, max(-10.0, ratio)))
    active = np.array(energies) >= 1e-4 * max(energies)
    values = score(clean, estimate)
    assert values["ssnr"] == pytest.approx(np.mean(ratios), abs=1e-9)
    assert values["ssnr_active"] == pytest.approx(np.mean(np.array(ratios)[active]), abs=1e-9)
    assert 0.4 < active.mean() < 0.6


def test_pauses_count_in_one_of_the_two_only():
    rng = np.random.default_rng(2)
    clean = rng.standard_normal(RATE)
    estimate = clean + 0.1 * rng.standard_normal(RATE)
    silence = np.zeros(RATE)
    values = score(clean, estimate)
    padded = score(np.concatenate([clean, silence]), np.concatenate([estimate, silence]))
    assert padded["ssnr_active"] == pytest.approx(values["ssnr_active"], abs=0.1)
    assert padded["ssnr"] == pytest.approx((values["ssnr"] - 10) / 2, abs=0.4)  # silence counts as -10 dB


def test_level_matters():
    clean, noise = np.random.default_rng(3).standard_normal((2, RATE))
    noisy = clean + 0.1 * noise
    half = score_all(["ssnr"], clean, 0.5 * noisy, RATE)["ssnr"].value
    assert half == pytest.approx(10 * np.log10(1 / (0.25 + 0.0025)), abs=0.1)
