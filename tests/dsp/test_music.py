"""Features of music on signals whose features are known, and made-up music."""

import numpy as np
import pytest

from percepkit.dsp.draws import key_of, normal_samples
from percepkit.dsp.music import FEATURES, STEP_SECONDS, WINDOW_SECONDS, features, log_spectrum, tune


def features_of(x: np.ndarray, sample_rate: int = 16_000) -> dict[str, float]:
    n, hop = round(WINDOW_SECONDS * sample_rate), round(STEP_SECONDS * sample_rate)
    spectra = [log_spectrum(x[i : i + n], sample_rate) for i in range(0, len(x) - n, hop)]
    return dict(zip(FEATURES, features(np.array(spectra)[-75:]), strict=True))


def chord(sample_rate: int = 16_000, seconds: float = 3.2) -> np.ndarray:
    t = np.arange(round(seconds * sample_rate)) / sample_rate
    return sum(np.sin(2 * np.pi * hz * k * t + k) / k for hz in (220, 277.2, 329.6) for k in range(1, 9))


def test_a_held_chord_is_steady_and_tonal_and_noise_is_not():
    held, noise = features_of(chord()), features_of(normal_samples(1, 52_000))
    for lag in (160, 320, 640, 1200):
        assert held[f"steady_{lag}ms"] > 0.99
        assert abs(noise[f"steady_{lag}ms"]) < 0.05
    assert held["flatness"] < -2
    # Mean log of a chi-square of two degrees: Euler's constant below the log of its mean.
    assert noise["flatness"] == pytest.approx(-0.5772 / np.log(10), abs=0.03)
    assert noise["tonality"] == pytest.approx(np.pi / np.sqrt(6) / np.log(10), abs=0.05)
    assert held["chroma_entropy"] < noise["chroma_entropy"] < np.log(12) + 1e-9


def test_a_beat_is_regular_and_pauses_are_counted():
    x = 0.01 * normal_samples(2, 52_000)
    gate = np.arange(len(x)) % 8_000 < 2_000  # twice a second, a quarter of the time
    beat, noise = features_of(x * (gate + 0.01)), features_of(x)
    assert beat["onset_regularity"] > 0.6 > 0.4 > noise["onset_regularity"]
    assert 0.4 < beat["pauses"] < 0.75
    assert noise["pauses"] == 0
    assert beat["level_spread_db"] > 10 > 1 > noise["level_spread_db"]


@pytest.mark.parametrize("sample_rate", [8_000, 44_100, 48_000])
def test_sample_rates_agree(sample_rate):
    expected, found = features_of(chord()), features_of(chord(sample_rate), sample_rate)
    for name in FEATURES:
        assert found[name] == pytest.approx(expected[name], rel=0.05, abs=0.06)


def test_level_does_not_matter():
    x = chord() + 0.1 * normal_samples(3, 51_200)
    plain, loud = features_of(x), features_of(100 * x)
    assert np.allclose(list(plain.values()), list(loud.values()))


def test_too_little_is_refused():
    with pytest.raises(ValueError, match="music shows after 14 steps, found 5"):
        features(np.zeros((5, 478)))


def test_tunes_differ_and_repeat_and_hold_still():
    tunes = [tune(48_000, 16_000, key_of("test", i)) for i in range(6)]
    assert np.array_equal(tunes[0], tune(48_000, 16_000, key_of("test", 0)))
    assert all(np.mean(x**2) == pytest.approx(1) for x in tunes)
    assert max(abs(np.corrcoef(tunes)[np.triu_indices(6, 1)])) < 0.3
    assert np.mean([features_of(x)["steady_160ms"] for x in tunes]) > 0.3


@pytest.mark.parametrize("n_samples", [1, 100, 5_000])
def test_tunes_of_any_length(n_samples):
    x = tune(n_samples, 8_000, key_of("short"))
    assert x.shape == (n_samples,)
    assert np.isfinite(x).all()
