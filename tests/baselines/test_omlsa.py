"""OM-LSA: its priors at their knots, its gain between its two ends."""

import numpy as np
import pytest
import soundfile
from pesq import pesq
from pystoi import stoi

from percepkit.baselines.grid import Grid
from percepkit.baselines.log_mmse import log_mmse_gain
from percepkit.baselines.omlsa import GAIN_MIN, Omlsa, presence_of_snr, presence_probability
from percepkit.baselines.registry import load
from percepkit.dsp.noise import generate

GRID = Grid(161, 50.0, 0.01)


def test_presence_at_its_knots():
    assert [presence_of_snr(10 ** (db / 10)) for db in (-30, -10, -7.5, -5, 20)] == pytest.approx(
        [0, 0, 0.5, 1, 1]
    )


def test_probability_is_bayes_rule():
    """Against the likelihoods of complex Gaussian bins with and without speech."""
    xi, gamma, absence = 3.0, 2.0, 0.4
    with_speech = np.exp(-gamma / (1 + xi)) / (1 + xi)
    without = np.exp(-gamma)
    expected = (1 - absence) * with_speech / ((1 - absence) * with_speech + absence * without)
    assert presence_probability(absence, xi, gamma * xi / (1 + xi)) == pytest.approx(expected)


def test_noise_alone_sits_on_the_floor():
    power = np.random.default_rng(0).exponential(size=(200, 161))
    gains = Omlsa(GRID).gains(power, np.ones_like(power))[50:]
    assert gains.min() >= GAIN_MIN
    assert np.median(gains) == pytest.approx(GAIN_MIN, rel=0.05)


def test_steady_speech_gets_the_log_mmse_gain():
    power = np.full((100, 161), 101.0)
    gain = Omlsa(GRID).gains(power, np.ones_like(power))[-1, 80]
    directed = np.exp(-0.01 / 0.0959)
    xi = 100.0
    for _ in range(100):
        xi = directed * log_mmse_gain(xi, 101.0) ** 2 * 101 + (1 - directed) * 100
    assert gain == pytest.approx(log_mmse_gain(xi, 101.0), rel=1e-6)


def test_isolated_peak_is_held_down_more_than_a_wide_one():
    power = np.ones((100, 161))
    power[40:, 100:150] = 1_000.0  # there is speech in the frame
    power[50:56, 20] = 5.0  # one bin, as musical noise is
    power[50:56, 50:80] = 5.0
    gains = Omlsa(GRID).gains(power, np.ones_like(power))[50:56]
    assert (gains[:, 65] > 1.5 * gains[:, 20]).any()
    assert (gains[:, 65] >= gains[:, 20]).all()


@pytest.mark.parametrize("name, pesq_gain", [("omlsa", 0.3), ("log-mmse", 0.25)])
def test_real_speech_in_stationary_noise_at_5_db(shared, name, pesq_gain):
    gained = []
    for key, path in enumerate(sorted((shared / "corpus/speech/arctic").glob("*.wav"))[:6]):
        clean = soundfile.read(path)[0]
        noise = generate(("white", "pink", "car")[key % 3], len(clean), 16_000, key, {})
        noisy = clean + noise * np.std(clean) / np.std(noise) * 10 ** (-5 / 20)
        enhanced = load(name)(noisy, 16_000)
        pesq_gained = pesq(16_000, clean, enhanced, "wb") - pesq(16_000, clean, noisy, "wb")
        gained.append((pesq_gained, stoi(clean, enhanced, 16_000) - stoi(clean, noisy, 16_000)))
    pesq_mean, stoi_mean = np.mean(gained, axis=0)
    assert pesq_mean > pesq_gain
    assert stoi_mean > -0.02
