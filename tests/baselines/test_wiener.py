"""The decision-directed Wiener filter: against its recursion written out, and on real speech."""

import numpy as np
import pytest
import soundfile
from pesq import pesq

from percepkit.baselines.grid import Grid, grid_of
from percepkit.baselines.registry import load
from percepkit.baselines.wiener import DecisionDirectedWiener

SMOOTHING = 0.95  # at 10 ms


def gains_of(power: np.ndarray) -> np.ndarray:
    """Gains in noise of unit power."""
    return DecisionDirectedWiener(Grid(power.shape[1], 50.0, 0.01)).gains(power, np.ones_like(power))


def test_gains_follow_the_recursion_written_out():
    generator = np.random.default_rng(0)
    power = generator.exponential(size=(50, 4)) * np.linspace(1, 20, 50)[:, None]
    noise = generator.uniform(0.5, 2, size=(50, 4))
    grid = Grid(4, 50.0, -0.195 * np.log(SMOOTHING))
    gains = DecisionDirectedWiener(grid).gains(power, noise)
    clean = np.zeros(4)
    for frame in range(50):
        for bin_ in range(4):
            posterior = power[frame, bin_] / noise[frame, bin_]
            prior = SMOOTHING * clean[bin_] / noise[frame, bin_] + (1 - SMOOTHING) * max(posterior - 1, 0)
            gain = max(prior, 1 / 9) / (1 + max(prior, 1 / 9))
            assert gains[frame, bin_] == pytest.approx(gain)
            clean[bin_] = gain**2 * power[frame, bin_]


def test_smoothing_is_that_of_the_article_at_10_ms():
    assert grid_of(16_000).smoothing(0.195) == pytest.approx(SMOOTHING, abs=1e-4)


def test_gain_floor_is_20_db():
    gains = gains_of(np.random.default_rng(1).exponential(size=(200, 300)))
    assert gains.min() == pytest.approx(0.1)
    assert np.mean(gains[50:]) < 0.12, "noise alone sits on the floor"


def test_loud_tone_passes():
    power = np.random.default_rng(2).exponential(size=(200, 3))
    power[100:, 1] = 1e4
    assert gains_of(power)[105:, 1].min() > 0.99


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
