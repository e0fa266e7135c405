"""The decision-directed Wiener filter: against its recursion written out, and on real speech."""

import numpy as np
import pytest
import soundfile
from pesq import pesq

from percepkit.baselines._noise_spp import SppTracker
from percepkit.baselines.registry import load
from percepkit.baselines.wiener import SMOOTHING, DecisionDirectedWiener


def test_gains_follow_the_recursion_written_out():
    power = np.random.default_rng(0).exponential(size=(50, 4)) * np.linspace(1, 20, 50)[:, None]
    gains = DecisionDirectedWiener(4).gains(power)
    tracker, clean = SppTracker(4), np.zeros(4)
    for frame in range(50):
        noise = tracker.update(power[frame])
        for bin_ in range(4):
            posterior = power[frame, bin_] / noise[bin_]
            prior = SMOOTHING * clean[bin_] / noise[bin_] + (1 - SMOOTHING) * max(posterior - 1, 0)
            gain = max(prior, 1 / 9) / (1 + max(prior, 1 / 9))
            assert gains[frame, bin_] == pytest.approx(gain)
            clean[bin_] = gain**2 * power[frame, bin_]


def test_gain_floor_is_20_db():
    gains = DecisionDirectedWiener(300).gains(np.random.default_rng(1).exponential(size=(200, 300)))
    assert gains.min() == pytest.approx(0.1)
    assert np.mean(gains[50:]) < 0.12, "noise alone sits on the floor"


def test_loud_tone_passes():
    power = np.random.default_rng(2).exponential(size=(200, 3))
    power[100:, 1] = 1e4
    assert DecisionDirectedWiener(3).gains(power)[105:130, 1].min() > 0.99


def si_sdr_db(reference: np.ndarray, estimate: np.ndarray) -> float:
    target = reference * (estimate @ reference) / (reference @ reference)
    return float(10 * np.log10((target @ target) / ((estimate - target) @ (estimate - target))))


@pytest.mark.parametrize("colour", ["white", "pink"])
def test_real_speech_in_stationary_noise_gains_pesq_and_si_sdr(shared, colour):
    gained = []
    for seed, path in enumerate(sorted((shared / "corpus/speech/arctic").glob("*.wav"))[::2]):
        clean = soundfile.read(path)[0]
        spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(len(clean)))
        if colour == "pink":
            spectrum /= np.sqrt(np.arange(len(spectrum)) + 20.0)
        noise = np.fft.irfft(spectrum, len(clean))
        noisy = clean + noise * np.std(clean) / np.std(noise) * 10 ** (-5 / 20)
        enhanced = load("wiener")(noisy, 16_000)
        pesq_gain = pesq(16_000, clean, enhanced, "wb") - pesq(16_000, clean, noisy, "wb")
        gained.append((pesq_gain, si_sdr_db(clean, enhanced) - si_sdr_db(clean, noisy)))
    pesq_gains, si_sdr_gains = np.transpose(gained)
    assert pesq_gains.min() > 0.1
    assert pesq_gains.mean() > 0.2
    assert si_sdr_gains.min() > 2
