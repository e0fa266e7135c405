"""Pitch: synthetic voices with known f0, clean and in noise."""

import numpy as np
import pytest

from percepkit.dsp.pitch import track_pitch
from percepkit.dsp.stft import hop_length

CASES = [(8000, 150), (16_000, 90), (16_000, 240), (22_050, 120), (44_100, 200), (48_000, 110), (48_000, 330)]


def errors(period, f0, voiced, sample_rate):
    hop = hop_length(sample_rate)
    at = np.minimum(np.arange(len(period)) * hop, len(f0) - 1)
    truth, found = voiced[at], period > 0
    both = truth & found
    ratio = sample_rate / period[both] / f0[at][both]
    gross = np.mean(np.abs(ratio - 1) > 0.2)
    cents = np.median(np.abs(1200 * np.log2(ratio)))
    return gross, (truth & ~found).sum() / truth.sum(), (~truth & found).sum() / max((~truth).sum(), 1), cents


@pytest.mark.parametrize("sample_rate, f0_hz", CASES)
@pytest.mark.parametrize("snr_db, most_gross, most_wrong", [(60, 0.01, 0.05), (10, 0.05, 0.15)])
def test_known_pitch_is_found(voice, sample_rate, f0_hz, snr_db, most_gross, most_wrong):
    x, f0 = voice(sample_rate, 8, f0_hz)
    voiced = np.sin(2 * np.pi * 0.9 * np.arange(len(x)) / sample_rate + 1) > -0.3
    noise = np.random.default_rng(f0_hz).standard_normal(len(x))
    noisy = x * voiced + noise * np.sqrt(np.mean(x**2) / 10 ** (snr_db / 10))
    gross, misses, alarms, cents = errors(track_pitch(noisy, sample_rate), f0, voiced, sample_rate)
    assert gross <= most_gross
    assert misses <= most_wrong
    assert alarms <= most_wrong
    assert cents < 10


def test_noise_and_silence_are_unvoiced():
    noise = np.random.default_rng(0).standard_normal(32_000)
    assert (track_pitch(noise, 16_000) > 0).mean() < 0.05
    assert not track_pitch(np.zeros(16_000), 16_000).any()


def test_level_does_not_matter(voice):
    x, _ = voice(16_000, 1)
    np.testing.assert_allclose(track_pitch(x * 1e-4, 16_000), track_pitch(x, 16_000), rtol=1e-4)


def test_low_rates_are_refused():
    with pytest.raises(ValueError, match="at least 8000 Hz, found 4000"):
        track_pitch(np.zeros(4000), 4000)
