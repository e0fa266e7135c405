"""STOI and ESTOI against pystoi, and where they leave it on purpose."""

import numpy as np
import pytest
import soundfile
from pystoi import stoi as pystoi

from percepkit.eval.metrics import Unscorable, stoi

RATES = [8_000, 10_000, 16_000, 22_050, 44_100, 48_000]


def modulated_noise(sample_rate, *, seed=0, seconds=2.5):
    generator = np.random.default_rng(seed)
    n_samples = int(seconds * sample_rate)
    syllables = np.repeat(generator.uniform(0, 1, 20), n_samples // 20 + 1)[:n_samples]
    x = generator.standard_normal(n_samples) * syllables
    x[n_samples // 3 : n_samples // 2] *= 1e-4  # a pause, to be cut out
    return x


@pytest.mark.parametrize("sample_rate", RATES)
def test_values_equal_pystoi(sample_rate):
    clean = modulated_noise(sample_rate)
    state = stoi.prepare(clean, sample_rate)
    for gain in (0.1, 0.5, 2.0):
        estimate = clean + gain * np.random.default_rng(1).standard_normal(len(clean))
        values = stoi.score(state, estimate)
        assert values["stoi"] == pytest.approx(pystoi(clean, estimate, sample_rate), abs=1e-9)
        assert values["estoi"] == pytest.approx(pystoi(clean, estimate, sample_rate, extended=True), abs=1e-9)


def test_values_equal_pystoi_on_speech(shared):
    folder = shared / "reference" / "loizou"
    clean, sample_rate = soundfile.read(folder / "1_speech_16000_Hz.wav")
    for name in ("1_noisySpeech_16000_Hz.wav", "1_processed_16000_Hz.wav"):
        estimate, _ = soundfile.read(folder / name)
        n_samples = min(len(clean), len(estimate))
        values = stoi.score(stoi.prepare(clean[:n_samples], sample_rate), estimate[:n_samples])
        expected = pystoi(clean[:n_samples], estimate[:n_samples], sample_rate)
        assert values["stoi"] == pytest.approx(expected, abs=1e-9)


def test_muted_output_gives_the_same_value_every_time_and_leaves_global_random_numbers_alone():
    clean = modulated_noise(16_000)
    estimate = np.where(np.arange(len(clean)) < len(clean) // 2, 0.0, clean)
    np.random.seed(5)  # noqa: NPY002 - the state that pystoi uses
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    values = [stoi.score(stoi.prepare(clean, 16_000), estimate) for _ in range(3)]
    assert values[0] == values[1] == values[2]
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    assert 0.3 < values[0]["estoi"] < 0.8
    assert values[0]["estoi"] == pytest.approx(pystoi(clean, estimate, 16_000, extended=True), abs=0.01)


def test_segments_without_variation_count_as_uncorrelated():
    for constant in (np.full((15, 30), 0.3), np.zeros((15, 30))):
        unit = np.ones((15, 30))
        stoi._estoi_unit(constant, 0, unit)
        assert not unit.any()
        assert stoi._moments(constant[0])[2] == 0


@pytest.mark.parametrize("n_samples", [1, 300, 16_000 * 3 // 8])
def test_too_little_speech_has_a_status_instead_of_a_number(n_samples):
    with pytest.raises(Unscorable, match=r"too_short.* 31 are needed"):
        stoi.prepare(np.random.default_rng(0).standard_normal(n_samples), 16_000)


def test_shortest_signal_that_pystoi_scores_is_scored():
    # 31 frames of 256 at 10 kHz; a frame that ends with the signal is not used, hence one sample more.
    n_samples = 256 + 30 * 128 + 1
    x = np.random.default_rng(0).standard_normal(n_samples)
    y = x + np.random.default_rng(1).standard_normal(n_samples)
    with pytest.raises(Unscorable, match="too_short"):
        stoi.prepare(x[:-1], 10_000)
    assert stoi.score(stoi.prepare(x, 10_000), y)["stoi"] == pytest.approx(pystoi(x, y, 10_000), abs=1e-9)
