"""The high-pass is RNNoise's at 48 kHz, and the same analogue filter at every rate."""

import numpy as np
import pytest
from scipy.signal import butter, freqz, group_delay, lfilter

from percepkit.baselines.high_pass import CORNER_HZ, QUALITY, HighPass, biquad


def test_published_coefficients_at_48_khz():
    b, a = biquad(48_000)
    assert np.allclose(a, [1, -1.99599, 0.99600], atol=5e-6)
    assert np.allclose(b, [1, -2, 1], atol=5e-3)


def test_corner_and_quality_solve_the_published_denominator():
    at_dc, at_nyquist = 1 - 1.99599 + 0.996, 1 + 1.99599 + 0.996
    k = np.sqrt(at_dc / at_nyquist)
    assert np.arctan(k) * 48_000 / np.pi == pytest.approx(CORNER_HZ, abs=0.01)
    assert 2 * k * at_nyquist / 4 / (1 - 0.996) == pytest.approx(QUALITY, rel=0.01)


@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 44_100, 48_000])
def test_response_is_the_analogue_one(sample_rate):
    frequency = np.array([5.0, CORNER_HZ, 50.0, 100.0, 400.0])
    s = 1j * frequency / CORNER_HZ
    analogue = s**2 / (s**2 + s / QUALITY + 1)
    digital = freqz(*biquad(sample_rate), worN=frequency, fs=sample_rate)[1]
    assert np.allclose(digital, analogue, rtol=0.03)
    assert abs(freqz(*biquad(sample_rate), worN=[np.pi])[1][0]) == pytest.approx(1)


def test_formula_with_butterworth_quality_agrees_with_scipy(monkeypatch):
    monkeypatch.setattr("percepkit.baselines.high_pass.QUALITY", np.sqrt(0.5))
    expected = butter(2, CORNER_HZ, "highpass", fs=16_000)
    assert np.allclose(biquad(16_000), expected, atol=1e-9)


def test_dc_is_removed_and_speech_band_kept():
    time = np.arange(32_000) / 16_000
    tone = 0.1 * np.sin(2 * np.pi * 300 * time)
    filtered = HighPass()(0.5 + tone, 16_000)
    assert np.abs(filtered[16_000:] - tone[16_000:]).max() < 0.012
    assert filtered[16_000:].mean() == pytest.approx(0, abs=1e-3)


def test_group_delay_in_the_speech_band_is_as_stated():
    delay = group_delay(biquad(48_000), w=[100, 500], fs=48_000)[1] / 48
    assert delay == pytest.approx([0.5, 0.02], rel=0.1)


def test_float64_inside():
    noisy = np.random.default_rng(0).standard_normal(4_000).astype(np.float32)
    expected = lfilter(*biquad(16_000), noisy.astype(np.float64)).astype(np.float32)
    assert np.array_equal(HighPass()(noisy, 16_000), expected)
