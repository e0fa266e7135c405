"""Music detector: its network in closed form, and music, noise and speech that it was not trained on."""

import numpy as np
import pytest

from percepkit.audio.files import read
from percepkit.baselines.music_detector import MusicDetector, Network, shipped_network
from percepkit.dsp.draws import key_of, normal_samples
from percepkit.dsp.music import FEATURES, tune
from percepkit.manifests.demo import demo_folder

RATE = 16_000


def heard(x: np.ndarray) -> float:
    """Mean probability of music after the first second."""
    return float(MusicDetector(RATE).process(x[: len(x) // 160 * 160], hop=160)[100:].mean())


def test_probability_in_closed_form():
    n = len(FEATURES)
    table = np.zeros((n + 2, 4))
    table[:n, 0], table[:n, 1] = 1.0, 2.0
    table[0, 2], table[1, 3] = 0.5, -1.0  # weights to the two units
    table[n, 2:], table[n + 1, 2:], table[n + 1, 0] = [0.1, 0.2], [2.0, 3.0], -0.5
    values = np.ones(n)
    values[:2] = [3.0, 100.0]  # 1 and, clipped, 4
    units = np.tanh([0.5 + 0.1, -4 + 0.2])
    expected = 1 / (1 + np.exp(-(2 * units[0] + 3 * units[1] - 0.5)))
    assert Network(table).probability(values) == pytest.approx(expected)
    assert Network(table).probability(np.tile(values, (3, 2, 1))).shape == (3, 2)


def test_shipped_weights_are_small_and_other_tables_are_refused():
    table = shipped_network().table
    assert table.shape == (len(FEATURES) + 2, 10)
    assert (table[: len(FEATURES), 1] > 0).all()
    with pytest.raises(ValueError, match="expected weights of 15 features in 17 rows"):
        Network(np.zeros((3, 3)))


def test_music_noise_and_speech_are_told_apart():
    music = [heard(tune(4 * RATE, RATE, key_of("not trained on", i))) for i in range(8)]
    assert np.median(music) > 0.8
    assert heard(normal_samples(1, 4 * RATE)) < 0.05
    for voice in ("bdl", "slt"):
        folder = demo_folder() / "speech" / voice
        if not folder.is_dir():
            continue
        x, rate = read(sorted(folder.glob("*.flac"))[0], channel=0)
        assert rate == RATE
        assert heard(np.resize(x.astype(np.float64), 5 * RATE)) < 0.3


def test_silence_changes_no_opinion_and_the_start_has_none():
    detector = MusicDetector(RATE)
    assert not detector.process(np.zeros(RATE), hop=160).any()
    before = detector.process(tune(3 * RATE, RATE, key_of("not trained on", 0)), hop=160)
    assert not before[:50].any()
    assert before[-1] > 0.5
    after = detector.process(np.zeros(2 * RATE), hop=160)
    assert (after[20:] == after[-1]).all()


def test_low_rates_are_refused():
    with pytest.raises(ValueError, match="found a sample rate of 4000 Hz; use 8000"):
        MusicDetector(4_000)
